import type { NotificationValues } from './notification-rows.ts';
import type { Database, Row } from './thread.ts';

/** Columns of a notification, but for what is large, in the order they are read. */
export const BARE_NOTIFICATION = `
  notifications.id, notifications.organization_id, subscription_id, tenant_id, application_id,
  notifications.state, type, subject, sequence, received_at, receipt_id, place, sink_ids`;

/** Columns of a notification in the order they are read. */
export const NOTIFICATION = `${BARE_NOTIFICATION}, data, sealed`;

const INSERT = `
  INSERT INTO notifications (
    id, organization_id, subscription_id, tenant_id, application_id, state, type, subject,
    sequence, received_at, receipt_id, place, sink_ids, data, sealed, expanded
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
  ON CONFLICT (id) DO NOTHING`;

const FIND_INSERTED = `
  SELECT iif(receipt_id = ? AND place = ?, 'own', 'duplicate'), expanded, sink_ids
  FROM notifications WHERE id = ?`;

const MARK_EXPANDED = 'UPDATE notifications SET expanded = 1 WHERE id = ?';

const FIND = `SELECT ${NOTIFICATION} FROM notifications WHERE id = ? AND organization_id = ?`;

/** Gives what was found in the place of each row; `null` for one that is new. */
export function insertNotifications(db: Database, rows: readonly NotificationValues[]) {
  const insert = db.prepare(INSERT);
  const find = db.prepareRows(FIND_INSERTED);
  return rows.map((row) => {
    if (insert.run(...row).changes === 1) return null;
    const [id, receiptId, place] = [row[0], row[10], row[11]];
    return find.get(receiptId, place, id);
  });
}

export function markExpanded(db: Database, ids: readonly string[]): void {
  const mark = db.prepare(MARK_EXPANDED);
  for (const id of ids) mark.run(id);
}

export function findNotification(
  db: Database,
  { organizationId, id }: { organizationId: string; id: string },
): Row | undefined {
  return db.prepareRows(FIND).get(id, organizationId);
}
