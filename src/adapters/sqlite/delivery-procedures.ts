import type { NewDelivery } from '../../ports/delivery-store.ts';
import type { OutcomeValues } from './delivery-rows.ts';
import { getNotification } from './notification-procedures.ts';
import type { Database } from './thread.ts';

/** Columns of a delivery, under the names of the domain. */
export const DELIVERY = `
  id, organization_id AS organizationId, notification_id AS notificationId, sink_id AS sinkId,
  state, due_at AS dueAt, attempt, generation, created_at AS createdAt,
  finished_at AS finishedAt, reason`;

/**
 * Those of the notification at hand. Their ids begin with its id and `_`, so the index on ids finds
 * them; what else begins so is left out by the column.
 */
export const DELIVERIES_OF_IT = `
  deliveries.id > notifications.id || '_' AND deliveries.id < notifications.id || '\`'
  AND deliveries.notification_id = notifications.id`;

const INSERT = `
  INSERT INTO deliveries (
    id, organization_id, notification_id, sink_id, state, due_at, attempt, attempts_ever,
    generation, created_at
  ) VALUES (:id, :organizationId, :notificationId, :sinkId, 'due', :dueAt, 0, 0, 0, :createdAt)
  ON CONFLICT (id) DO NOTHING`;

// Each half has an index of its own, so that neither wades through the other's rows.
const DUE = `
  SELECT id, generation, due_at AS dueAt, 0 AS lapsed, attempt, seq
  FROM deliveries WHERE state = 'due' AND sink_id = :sinkId AND due_at <= :now
  UNION ALL
  SELECT id, generation, due_at AS dueAt, 1 AS lapsed, attempt, seq
  FROM deliveries WHERE state = 'claimed' AND sink_id = :sinkId AND due_at <= :now
  ORDER BY dueAt, seq LIMIT :limit`;

const CLAIM = `
  UPDATE deliveries SET state = 'claimed', due_at = :leaseUntil, generation = generation + 1
  WHERE id = :id AND generation = :generation AND state = 'due'
  RETURNING ${DELIVERY}`;

const RENEW = `
  UPDATE deliveries SET due_at = :leaseUntil
  WHERE id = :id AND generation = :generation AND state = 'claimed'`;

const FINISH = `
  UPDATE deliveries SET
    state = :state, due_at = :dueAt, finished_at = :finishedAt, reason = :reason,
    attempt = attempt + 1, attempts_ever = attempts_ever + 1, generation = generation + 1
  WHERE id = :id AND generation = :generation AND state = 'claimed'
  RETURNING seq, attempts_ever AS number, organization_id AS organizationId`;

const INSERT_ATTEMPT = `
  INSERT INTO attempts (
    delivery_seq, number, organization_id, started_at, duration_ms, outcome, reason, status, answer
  ) VALUES (
    :seq, :number, :organizationId, :startedAt, :durationMs, :outcome, :reason, :status, :answer
  )`;

const RELEASE = `
  UPDATE deliveries SET state = 'due', due_at = :now, generation = generation + 1
  WHERE id = :id AND generation = :generation AND state = 'claimed'`;

const RELEASE_ALL = `
  UPDATE deliveries SET state = 'due', due_at = ?, generation = generation + 1
  WHERE state = 'claimed'`;

const REDRIVE = `
  UPDATE deliveries SET
    state = 'due', due_at = :now, finished_at = NULL, attempt = 0, generation = generation + 1
  WHERE id = :id AND organization_id = :organizationId AND state = 'dead'
  RETURNING id, generation, due_at AS dueAt, 0 AS lapsed, attempt, sink_id AS sinkId`;

export interface Claim {
  readonly id: string;
  readonly generation: number;
  readonly leaseUntil: number;
}

export function insertDeliveries(db: Database, rows: readonly NewDelivery[]) {
  const insert = db.prepare(INSERT);
  for (const row of rows) insert.run({ ...row });
}

export function due(db: Database, asked: { sinkId: string; now: number; limit: number }) {
  return db.prepare(DUE).all(asked);
}

export function claim(db: Database, { id, generation, leaseUntil }: Claim) {
  const delivery = db.prepare(CLAIM).get({ id, generation, leaseUntil });
  if (delivery === undefined) return null;
  return { delivery, notification: getNotification(db, delivery['notificationId']) };
}

export function renew(db: Database, { id, generation, leaseUntil }: Claim): boolean {
  return db.prepare(RENEW).run({ id, generation, leaseUntil }).changes === 1;
}

export function finish(db: Database, { change, attempt }: OutcomeValues): boolean {
  const finished = db.prepare(FINISH).get(change);
  if (finished === undefined) return false;
  db.prepare(INSERT_ATTEMPT).run({ ...finished, ...attempt });
  return true;
}

export function release(
  db: Database,
  claimed: { id: string; generation: number; now: number },
): boolean {
  return db.prepare(RELEASE).run(claimed).changes === 1;
}

export function releaseClaims(db: Database, now: number): number {
  return Number(db.prepare(RELEASE_ALL).run(now).changes);
}

export function redrive(
  db: Database,
  order: { organizationId: string; ids: readonly string[]; now: number },
) {
  const { organizationId, ids, now } = order;
  const statement = db.prepare(REDRIVE);
  return ids
    .map((id) => statement.get({ organizationId, id, now }))
    .filter((redriven) => redriven !== undefined);
}
