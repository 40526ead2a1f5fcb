import { KEPT_ATTEMPTS } from '../../domain/delivery/delivery.ts';
import type { SetBack } from '../../ports/delivery-store.ts';
import type { DeliveryValues, OutcomeValues } from './delivery-rows.ts';
import { NOTIFICATION } from './notification-procedures.ts';
import type { Database, Row } from './thread.ts';

/** Columns of a delivery in the order they are read; its notification's id is not among them. */
export const DELIVERY = `
  deliveries.id, deliveries.organization_id, sink_id, deliveries.state, due_at, attempt, generation,
  created_at, finished_at, reason`;

// Without its notification, which may have been purged since, there is nothing to deliver.
const INSERT = `
  INSERT INTO deliveries (
    id, organization_id, sink_id, due_at, created_at, notification_seq, state, attempt,
    attempts_ever, generation
  ) SELECT ?, ?, ?, ?, ?, seq, 'due', 0, 0, 0 FROM notifications WHERE id = ?
  ON CONFLICT (notification_seq, id) DO NOTHING`;

const FIND = `
  SELECT deliveries.seq FROM notifications JOIN deliveries ON notification_seq = notifications.seq
  WHERE notifications.id = ? AND deliveries.id = ?`;

// Each half has an index of its own, so that neither wades through the other's rows.
const DUE = `
  SELECT id, generation, due_at, 0, attempt, seq
  FROM deliveries WHERE state = 'due' AND sink_id = ?1 AND due_at <= ?2
  UNION ALL
  SELECT id, generation, due_at, 1, attempt, seq
  FROM deliveries WHERE state = 'claimed' AND sink_id = ?1 AND due_at <= ?2
  ORDER BY due_at, seq LIMIT ?3`;

const CLAIM = `
  UPDATE deliveries SET state = 'claimed', due_at = ?, generation = generation + 1
  WHERE seq = ? AND generation = ? AND state = 'due'`;

const GET_CLAIMED = `
  SELECT ${DELIVERY}, ${NOTIFICATION}
  FROM deliveries JOIN notifications ON notifications.seq = notification_seq
  WHERE deliveries.seq = ?`;

const RENEW = `
  UPDATE deliveries SET due_at = ? WHERE seq = ? AND generation = ? AND state = 'claimed'`;

const FINISH = `
  UPDATE deliveries SET
    state = ?, due_at = ?, finished_at = ?, reason = ?,
    attempt = attempt + 1, attempts_ever = attempts_ever + 1, generation = generation + 1
  WHERE generation = ? AND seq = ? AND state = 'claimed'`;

const INSERT_ATTEMPT = `
  INSERT INTO attempts (
    delivery_seq, number, organization_id, started_at, duration_ms, outcome, reason, status, answer
  ) SELECT seq, attempts_ever, organization_id, ?, ?, ?, ?, ?, ? FROM deliveries WHERE seq = ?`;

const FORGET_ATTEMPTS = `
  DELETE FROM attempts WHERE delivery_seq = ?1
    AND number <= (SELECT attempts_ever FROM deliveries WHERE seq = ?1) - ${KEPT_ATTEMPTS}`;

const RELEASE = `
  UPDATE deliveries SET state = 'due', due_at = ?, generation = generation + 1
  WHERE seq = ? AND generation = ? AND state = 'claimed'`;

const RELEASE_ALL = `
  UPDATE deliveries SET state = 'due', due_at = ?, generation = generation + 1
  WHERE state = 'claimed'`;

// Few wait for so long at any time; each is looked up by its sink, and its last try by its number.
const BRING_FORWARD = `
  UPDATE deliveries SET due_at = :now, generation = generation + 1 WHERE seq IN (
    SELECT seq FROM deliveries
    WHERE state = 'due' AND sink_id IN (SELECT value FROM json_each(:sinkIds)) AND due_at > :after
      AND (
        attempt = 0 OR due_at > :latest OR (
          SELECT started_at FROM attempts WHERE delivery_seq = seq AND number = attempts_ever
        ) > :after
      )
    LIMIT :limit
  )`;

const SHORTEN_LEASES = `
  UPDATE deliveries SET due_at = :after
  WHERE state = 'claimed' AND sink_id IN (SELECT value FROM json_each(:sinkIds)) AND due_at > :after`;

/** Which delivery, the generation it has to stand at, and a time to write. */
export type Change = readonly [id: string, generation: number, at: number];

export function insertDeliveries(db: Database, rows: readonly DeliveryValues[]): void {
  const insert = db.prepare(INSERT);
  for (const row of rows) insert.run(...row);
}

/**
 * Finds a delivery: its id begins with that of its notification and `_`. Nearly always that is the
 * part before the first one.
 */
export function seqOf(db: Database, id: string): number | undefined {
  const find = db.prepareRows(FIND);
  for (let end = id.indexOf('_'); end !== -1; end = id.indexOf('_', end + 1)) {
    const found = find.get(id.slice(0, end), id);
    if (found !== undefined) return Number(found[0]);
  }
  return undefined;
}

export function due(db: Database, [sinkId, now, limit]: readonly [string, number, number]) {
  return db.prepareRows(DUE).all(sinkId, now, limit);
}

export function claim(db: Database, [id, generation, leaseUntil]: Change): Row | null {
  const seq = seqOf(db, id);
  if (seq === undefined) return null;
  if (db.prepare(CLAIM).run(leaseUntil, seq, generation).changes === 0) return null;
  return db.prepareRows(GET_CLAIMED).get(seq) ?? null;
}

export function renew(db: Database, [id, generation, leaseUntil]: Change): boolean {
  const seq = seqOf(db, id);
  return seq !== undefined && db.prepare(RENEW).run(leaseUntil, seq, generation).changes === 1;
}

export function finish(db: Database, [id, change, attempt]: OutcomeValues): boolean {
  const seq = seqOf(db, id);
  if (seq === undefined) return false;
  if (db.prepare(FINISH).run(...change, seq).changes === 0) return false;
  db.prepare(INSERT_ATTEMPT).run(...attempt, seq);
  db.prepare(FORGET_ATTEMPTS).run(seq);
  return true;
}

export function release(db: Database, [id, generation, now]: Change): boolean {
  const seq = seqOf(db, id);
  return seq !== undefined && db.prepare(RELEASE).run(now, seq, generation).changes === 1;
}

/** What a clock that was set back has put off; `sinkIds` is JSON text. */
export interface BringForward extends SetBack {
  readonly sinkIds: string;
  readonly limit: number;
}

export function bringForward(db: Database, order: BringForward): number {
  const { sinkIds, after } = order;
  db.prepare(SHORTEN_LEASES).run({ sinkIds, after });
  return Number(db.prepare(BRING_FORWARD).run({ ...order }).changes);
}

export function releaseClaims(db: Database, now: number): number {
  return Number(db.prepare(RELEASE_ALL).run(now).changes);
}
