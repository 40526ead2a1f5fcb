import type { NotificationValues } from './notification-rows.ts';
import type { Database } from './thread.ts';

/** Columns of a notification, but for what is large, under the names of the domain. */
export const BARE_NOTIFICATION = `
  id, organization_id AS organizationId,
  subscription_id AS subscriptionId, tenant_id AS tenantId, application_id AS applicationId,
  state, type, subject, sequence, received_at AS receivedAt,
  receipt_id AS receiptId, place, sink_ids AS sinkIds`;

const NOTIFICATION = `${BARE_NOTIFICATION}, data, sealed`;

const INSERT = `
  INSERT INTO notifications (
    id, organization_id, subscription_id, tenant_id, application_id, state, type, subject,
    sequence, received_at, receipt_id, place, expanded, sink_ids, data, sealed
  ) VALUES (
    :id, :organizationId, :subscriptionId, :tenantId, :applicationId, :state, :type, :subject,
    :sequence, :receivedAt, :receiptId, :place, 0, :sinkIds, :data, :sealed
  ) ON CONFLICT (id) DO NOTHING`;

const FIND_INSERTED = `
  SELECT
    iif(receipt_id = :receiptId AND place = :place, 'own', 'duplicate') AS found,
    expanded, sink_ids AS sinkIds
  FROM notifications WHERE id = :id`;

export function insertNotifications(db: Database, rows: readonly NotificationValues[]) {
  return rows.map((row) => {
    if (db.prepare(INSERT).run(row).changes === 1) return null;
    const { id, receiptId, place } = row;
    return db.prepare(FIND_INSERTED).get({ id, receiptId, place });
  });
}

export function markExpanded(db: Database, ids: readonly string[]) {
  const mark = db.prepare('UPDATE notifications SET expanded = 1 WHERE id = ?');
  for (const id of ids) mark.run(id);
}

export function findNotification(db: Database, where: { organizationId: string; id: string }) {
  return db
    .prepare(
      `SELECT ${NOTIFICATION} FROM notifications WHERE id = :id AND organization_id = :organizationId`,
    )
    .get(where);
}

/** The notification that a delivery delivers. Throws when it is gone: that must not happen. */
export function getNotification(db: Database, id: unknown) {
  const row = db.prepare(`SELECT ${NOTIFICATION} FROM notifications WHERE id = ?`).get(String(id));
  if (row === undefined) throw new Error('a delivery has no notification');
  return row;
}

export function readNotification(db: Database, seq: number) {
  return db.prepare(`SELECT ${NOTIFICATION} FROM notifications WHERE seq = ?`).get(seq);
}
