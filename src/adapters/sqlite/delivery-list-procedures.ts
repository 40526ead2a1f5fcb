import { DELIVERY } from './delivery-procedures.ts';
import { BARE_NOTIFICATION } from './notification-procedures.ts';
import type { Database } from './thread.ts';

// Found by the beginning of their ids, as `DELIVERIES_OF_IT` does.
const DELIVERIES_OF = `
  SELECT seq, ${DELIVERY} FROM deliveries
  WHERE id > :id || '_' AND id < :id || '\`' AND notification_id = :id
  ORDER BY seq`;

const ATTEMPTS_OF = `
  SELECT number, started_at AS startedAt, duration_ms AS durationMs, outcome, reason, status, answer
  FROM attempts WHERE delivery_seq = ? ORDER BY number`;

const DEAD = `
  SELECT seq, ${DELIVERY} FROM deliveries
  WHERE state = 'dead' AND organization_id = :organizationId
    AND (finished_at, seq) < (:finishedAt, :seq)
  ORDER BY finished_at DESC, seq DESC LIMIT :limit`;

const BARE_NOTIFICATION_OF = `SELECT ${BARE_NOTIFICATION} FROM notifications WHERE id = ?`;

export interface DeadLetterArgument {
  readonly organizationId: string;
  /** `finished_at` and `seq` of the last row of the page before. */
  readonly after: readonly [finishedAt: number, seq: number];
  readonly limit: number;
}

export function deliveriesOf(db: Database, id: string) {
  const deliveries = db.prepare(DELIVERIES_OF).all({ id });
  const attempts = db.prepare(ATTEMPTS_OF);
  return deliveries.map((delivery) => ({
    delivery,
    attempts: attempts.all(Number(delivery['seq'])),
  }));
}

export function deadLetters(db: Database, { organizationId, after, limit }: DeadLetterArgument) {
  const [finishedAt, seq] = after;
  const rows = db.prepare(DEAD).all({ organizationId, finishedAt, seq, limit });
  const notification = db.prepare(BARE_NOTIFICATION_OF);
  return rows.map((delivery) => ({
    seq: delivery['seq'],
    delivery,
    notification: notification.get(String(delivery['notificationId'])),
  }));
}

export function countDead(db: Database): number {
  const row = db.prepare(`SELECT count(*) AS dead FROM deliveries WHERE state = 'dead'`).get();
  return Number(row?.['dead']);
}
