import type { Database } from './thread.ts';

const OLD_DEAD = `
  SELECT seq FROM deliveries WHERE state = 'dead' AND finished_at < :before
  ORDER BY finished_at LIMIT :limit`;

const OLD_NOTIFICATIONS = `
  SELECT seq, received_at, EXISTS (
    SELECT 1 FROM deliveries
    WHERE notification_seq = notifications.seq AND deliveries.state NOT IN ('delivered', 'discarded')
  ) AS stays
  FROM notifications
  WHERE state = 'accepted' AND received_at < :before AND (received_at, seq) > (:receivedAt, :seq)
  ORDER BY received_at, seq LIMIT :lookAt`;

const DELIVERIES_OF = 'SELECT seq FROM deliveries WHERE notification_seq = ?';

export interface NotificationPurge {
  readonly before: number;
  readonly limit: number;
  /** How many notifications are looked at: most of what is old may have to stay. */
  readonly lookAt: number;
  /** Where the call before stopped. */
  readonly after: readonly [receivedAt: number, seq: number];
}

/** Gives how many went. */
export function purgeDeadLetters(db: Database, order: { before: number; limit: number }): number {
  const old = db.prepare(OLD_DEAD).all(order);
  for (const { seq } of old) removeDelivery(db, Number(seq));
  return old.length;
}

/** Gives how many went, and where to go on; `null` at the end. */
export function purgeNotifications(
  db: Database,
  { before, limit, lookAt, after }: NotificationPurge,
) {
  const [receivedAt, seq] = after;
  const old = db.prepare(OLD_NOTIFICATIONS).all({ before, receivedAt, seq, lookAt });
  let stoppedAt = after;
  let removed = 0;
  for (const row of old) {
    if (removed >= limit) return { removed, stoppedAt };
    stoppedAt = [Number(row['received_at']), Number(row['seq'])];
    if (row['stays'] === 1) continue;
    removeNotification(db, stoppedAt[1]);
    removed += 1;
  }
  return { removed, stoppedAt: old.length < lookAt ? null : stoppedAt };
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
