import { DELIVERY, seqOf } from './delivery-procedures.ts';
import { BARE_NOTIFICATION } from './notification-procedures.ts';
import type { Database, Row } from './thread.ts';
import { conditionsOf, walk, type WalkStep } from './walk-procedure.ts';

/** Which dead letters; fields that are missing ask nothing. */
export interface DeadLetterArgument {
  readonly organizationId: string;
  readonly match: Readonly<Partial<Record<keyof typeof CONDITIONS, string>>>;
  readonly diedFrom: number;
  readonly step: WalkStep;
}

const OF_NOTIFICATION = 'FROM notifications WHERE notifications.seq = notification_seq';

const CONDITIONS = {
  sinkId: 'sink_id = :sinkId',
  reason: 'reason = :reason',
  subscriptionId: `(SELECT subscription_id ${OF_NOTIFICATION}) = :subscriptionId`,
  tenantId: `(SELECT tenant_id ${OF_NOTIFICATION}) = :tenantId`,
};

const READ = `
  SELECT ${DELIVERY}, ${BARE_NOTIFICATION}
  FROM deliveries JOIN notifications ON notifications.seq = notification_seq
  WHERE deliveries.seq = ?`;

const REDRIVE = `
  UPDATE deliveries SET
    state = 'due', due_at = ?, finished_at = NULL, attempt = 0, generation = generation + 1
  WHERE seq = ? AND organization_id = ? AND state = 'dead'
  RETURNING id, generation, due_at, 0, attempt, sink_id`;

const DISCARD = `
  UPDATE deliveries SET
    state = 'discarded', due_at = ?1, finished_at = ?1, generation = generation + 1`;

const DISCARD_DEAD = `${DISCARD} WHERE seq = ?2 AND organization_id = ?3 AND state = 'dead'`;

const DISCARD_OF_SINK = `${DISCARD} WHERE seq IN (
    SELECT seq FROM deliveries WHERE state = 'due' AND sink_id = ?2
    UNION ALL SELECT seq FROM deliveries WHERE state = 'claimed' AND sink_id = ?2
    UNION ALL SELECT seq FROM deliveries WHERE state = 'dead' AND sink_id = ?2
    LIMIT ?3
  )`;

/** Walks the dead deliveries of an organisation; of a sink, if it is given. */
export function deadLetters(db: Database, asked: DeadLetterArgument) {
  const { organizationId, match, diedFrom, step } = asked;
  const parameters = { organizationId, ...match, diedFrom };
  return walk(db, step, { statement: statementFor(match), parameters, read: READ });
}

function statementFor(match: DeadLetterArgument['match']): string {
  const by = match.sinkId === undefined ? 'organization' : 'sink';
  const conditions = ['organization_id = :organizationId', ...conditionsOf(CONDITIONS, match)];
  return `
    SELECT seq, finished_at AS at, (${conditions.join(' AND ')}) AS matches
    FROM deliveries INDEXED BY deliveries_dead_of_${by}
    WHERE state = 'dead' AND ${by}_id = :${by}Id AND finished_at >= :diedFrom
      AND (finished_at, seq) < (:at, :seq)
    ORDER BY finished_at DESC, seq DESC`;
}

export function countDead(db: Database): number {
  const row = db.prepare(`SELECT count(*) AS dead FROM deliveries WHERE state = 'dead'`).get();
  return Number(row?.['dead']);
}

/** An order about dead letters of an organisation. */
export interface DeadLetterOrder {
  readonly organizationId: string;
  readonly ids: readonly string[];
  readonly now: number;
}

export function redrive(db: Database, { organizationId, ids, now }: DeadLetterOrder): Row[] {
  const statement = db.prepareRows(REDRIVE);
  return seqsOf(db, ids)
    .map((seq) => statement.get(now, seq, organizationId))
    .filter((redriven) => redriven !== undefined);
}

export function discard(db: Database, { organizationId, ids, now }: DeadLetterOrder): number {
  const statement = db.prepare(DISCARD_DEAD);
  const discarded = seqsOf(db, ids).filter(
    (seq) => statement.run(now, seq, organizationId).changes === 1,
  );
  return discarded.length;
}

export function discardForSink(
  db: Database,
  { sinkId, now, limit }: { sinkId: string; now: number; limit: number },
): number {
  return Number(db.prepare(DISCARD_OF_SINK).run(now, sinkId, limit).changes);
}

function seqsOf(db: Database, ids: readonly string[]): number[] {
  return ids.map((id) => seqOf(db, id)).filter((seq) => seq !== undefined);
}
