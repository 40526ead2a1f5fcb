import type { MongoDatabase } from './database.ts';
import { deliveriesOf } from './delivery-documents.ts';
import { notificationsOf } from './notification-documents.ts';

/**
 * Makes the indexes of `notifications` and `deliveries`; those that are there stay.
 *
 * An index led by `state` keeps what is asked for all the time, the open and the dead, together in
 * a small part of itself, as a partial one would.
 */
export async function indexDeliveries(database: MongoDatabase): Promise<void> {
  await database.run(() =>
    notificationsOf(database).createIndexes([
      { key: { organizationId: 1, receivedAt: 1, order: 1 } },
      { key: { subscriptionId: 1, receivedAt: 1, order: 1 } },
      { key: { state: 1, receivedAt: 1, order: 1 } },
    ]),
  );
  await database.run(() =>
    deliveriesOf(database).createIndexes([
      { key: { notificationId: 1 } },
      // `createdAt` is there so that `depth` reads the index alone.
      { key: { state: 1, sinkId: 1, dueAt: 1, order: 1, createdAt: 1 } },
      { key: { state: 1, organizationId: 1, dueAt: 1, order: 1 } },
    ]),
  );
}
