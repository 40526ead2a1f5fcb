import { DELIVERIES_OF_IT } from './delivery-procedures.ts';
import type { Database } from './thread.ts';

const OLD_DEAD = `
  SELECT seq FROM deliveries WHERE state = 'dead' AND finished_at < ?
  ORDER BY finished_at LIMIT ?`;

const OLD_NOTIFICATIONS = `
  SELECT seq, id, received_at, EXISTS (
    SELECT 1 FROM deliveries WHERE ${DELIVERIES_OF_IT} AND deliveries.state <> 'delivered'
  ) AS kept
  FROM notifications
  WHERE state = 'accepted' AND received_at < :before AND (received_at, seq) > (:receivedAt, :seq)
  ORDER BY received_at, seq LIMIT :lookAt`;

const DELIVERIES_OF = `
  SELECT deliveries.seq FROM notifications JOIN deliveries ON ${DELIVERIES_OF_IT}
  WHERE notifications.seq = ?`;

export interface PurgeArgument {
  readonly notificationsBefore: number;
  readonly deadLettersBefore: number;
  readonly limit: number;
  /** How many notifications are looked at. */
  readonly lookAt: number;
  /** Where the call before stopped: what stayed is not looked at anew each time. */
  readonly after: readonly [receivedAt: number, seq: number];
}

/** Removes dead letters, then notifications; `after` is where to go on, `null` at the end. */
export function purge(db: Database, order: PurgeArgument) {
  const deadLetters = purgeDeadLetters(db, order);
  return { deadLetters, ...purgeNotifications(db, order) };
}

function purgeDeadLetters(db: Database, { deadLettersBefore, limit }: PurgeArgument): number {
  const old = db.prepare(OLD_DEAD).all(deadLettersBefore, limit);
  for (const { seq } of old) removeDelivery(db, Number(seq));
  return old.length;
}

function purgeNotifications(db: Database, order: PurgeArgument) {
  const { notificationsBefore: before, limit, lookAt } = order;
  const [receivedAt, seq] = order.after;
  const old = db.prepare(OLD_NOTIFICATIONS).all({ before, receivedAt, seq, lookAt });
  let after = order.after;
  let notifications = 0;
  for (const row of old) {
    if (notifications >= limit) return { notifications, after };
    after = [Number(row['received_at']), Number(row['seq'])];
    if (row['kept'] === 1) continue;
    removeNotification(db, after[1]);
    notifications += 1;
  }
  return { notifications, after: old.length < lookAt ? null : after };
}

function removeNotification(db: Database, seq: number): void {
  for (const delivery of db.prepare(DELIVERIES_OF).all(seq)) {
    removeDelivery(db, Number(delivery['seq']));
  }
  db.prepare('DELETE FROM notifications WHERE seq = ?').run(seq);
}

function removeDelivery(db: Database, seq: number): void {
  db.prepare('DELETE FROM attempts WHERE delivery_seq = ?').run(seq);
  db.prepare('DELETE FROM deliveries WHERE seq = ?').run(seq);
}
