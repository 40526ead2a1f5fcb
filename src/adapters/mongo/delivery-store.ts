import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { createDeadLetterList } from './dead-letter-list.ts';
import { createDeadLetterOrders } from './dead-letter-orders.ts';
import { createDeliveryClaims } from './delivery-claims.ts';
import { createDepth } from './delivery-depth.ts';
import { deliveriesOf, readDeliveryWithAttempts } from './delivery-documents.ts';
import { createInsertDeliveries } from './delivery-inserts.ts';
import { createBringForward } from './delivery-set-back.ts';
import { createSinksGone } from './delivery-sinks-gone.ts';
import { slicesOf } from './delivery-slices.ts';
import { notificationsOf, readNotification } from './notification-documents.ts';
import { createInsertNotifications } from './notification-inserts.ts';
import { createSearch } from './notification-search.ts';
import { createPurge } from './purge.ts';

/** Notifications, and deliveries with their attempts, in a collection each. */
export function createMongoDeliveryStore({ database }: { database: MongoDatabase }): DeliveryStore {
  const notifications = notificationsOf(database);
  const deliveries = deliveriesOf(database);

  return {
    ...createDeliveryClaims(database),
    ...createDeadLetterOrders(database),
    insertNotifications: createInsertNotifications(database),
    insertDeliveries: createInsertDeliveries(database),
    search: createSearch(database),
    deadLetters: createDeadLetterList(database),
    depth: createDepth(database),
    bringForward: createBringForward(database),
    sinksGone: createSinksGone(database),
    purge: createPurge(database),

    async markExpanded(notificationIds) {
      for (const slice of slicesOf(notificationIds)) {
        const those = { _id: { $in: [...slice] } };
        await database.run(() => notifications.updateMany(those, { $set: { expanded: true } }));
      }
    },

    async find(organizationId, id) {
      const found = await database.run(() => notifications.findOne({ _id: id, organizationId }));
      return found === null ? undefined : readNotification(found);
    },

    async deliveriesOf(notificationId) {
      // A few at most: sorted by the server without an index.
      const sort = { createdAt: 1, order: 1 } as const;
      const found = await database.run(() =>
        deliveries.find({ notificationId }, { sort }).toArray(),
      );
      return found.map(readDeliveryWithAttempts);
    },

    countDead: () => database.run(() => deliveries.countDocuments({ state: 'dead' })),
  };
}
