import type { DeliveryStore, NewDelivery } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { insertUnlessThere } from './delivery-bulk-insert.ts';
import { deliveriesOf, writeDelivery } from './delivery-documents.ts';
import { slicesOf } from './delivery-slices.ts';
import { notificationsOf } from './notification-documents.ts';

/**
 * Inserts deliveries of notifications that stay.
 *
 * Insert and purge write first and look then, so that one of them sees the other: an insert writes
 * its deliveries and looks for its notifications; a purge marks these as leaving, looks for open
 * deliveries, and removes what still has its mark. So the insert looks last; whoever dies before it
 * has looked leaves at most a delivery without a notification, which its claim removes.
 */
export function createInsertDeliveries(database: MongoDatabase): DeliveryStore['insertDeliveries'] {
  const deliveries = deliveriesOf(database);
  const notifications = notificationsOf(database);

  /** Gives which of these notifications stay, after it has saved those that are leaving. */
  async function keep(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const found = await database.run(() =>
      notifications.find({ _id: { $in: ids } }, { projection: { leaving: 1 } }).toArray(),
    );
    const leaving = found.filter((document) => document.leaving !== undefined);
    if (leaving.length === 0) return new Set(found.map(({ _id }) => _id));
    const saved = { _id: { $in: leaving.map(({ _id }) => _id) } };
    await database.run(() => notifications.updateMany(saved, { $unset: { leaving: '' } }));
    return keep(ids);
  }

  async function insertSlice(rows: readonly NewDelivery[]): Promise<void> {
    const documents = rows.map(writeDelivery);
    await database.run(() => insertUnlessThere(deliveries, documents));
    const kept = await keep([...new Set(rows.map(({ notificationId }) => notificationId))]);
    const left = documents.filter(({ notificationId }) => !kept.has(notificationId));
    if (left.length === 0) return;
    // By `order` too, which is this call's: somebody may have made the same anew.
    const own = {
      _id: { $in: left.map(({ _id }) => _id) },
      order: { $in: left.map(({ order }) => order) },
    };
    await database.run(() => deliveries.deleteMany(own));
  }

  return async function insertDeliveries(rows) {
    for (const slice of slicesOf(rows)) await insertSlice(slice);
  };
}
