import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import {
  deliveriesOf,
  DUE,
  OPEN,
  readDelivery,
  readDue,
  WITHOUT_ATTEMPTS,
  writeOutcome,
} from './delivery-documents.ts';
import { notificationsOf, readNotification } from './notification-documents.ts';

type Claims = Pick<DeliveryStore, 'due' | 'claim' | 'renew' | 'finish' | 'release'>;

/** Who may try a delivery, and what becomes of it: each decided by one write to its document. */
export function createDeliveryClaims(database: MongoDatabase): Claims {
  const deliveries = deliveriesOf(database);
  const notifications = notificationsOf(database);

  return {
    async due(sinkId, now, limit) {
      const filter = { state: { $in: OPEN }, sinkId, dueAt: { $lte: now } };
      const sort = { dueAt: 1, order: 1 } as const;
      const found = await database.run(() =>
        deliveries.find(filter, { projection: DUE, sort, limit, batchSize: limit }).toArray(),
      );
      return found.map(readDue);
    },

    async claim(id, generation, leaseUntil) {
      const change = {
        $set: { state: 'claimed', dueAt: leaseUntil },
        $inc: { generation: 1 },
      } as const;
      const claimed = await database.run(() =>
        deliveries.findOneAndUpdate({ _id: id, generation, state: 'due' }, change, {
          returnDocument: 'after',
          projection: WITHOUT_ATTEMPTS,
        }),
      );
      if (claimed === null) return undefined;
      const delivery = readDelivery(claimed);
      const notification = await database.run(() =>
        notifications.findOne({ _id: delivery.notificationId }),
      );
      if (notification !== null) return { delivery, notification: readNotification(notification) };
      // Its notification was purged while it was inserted, and who inserted it did not live to see.
      await database.run(() => deliveries.deleteOne(heldBy(id, delivery.generation)));
      return undefined;
    },

    async renew(id, generation, leaseUntil) {
      const { matchedCount } = await database.run(() =>
        deliveries.updateOne(heldBy(id, generation), { $set: { dueAt: leaseUntil } }),
      );
      return matchedCount === 1;
    },

    async finish(id, generation, outcome) {
      const { matchedCount } = await database.run(() =>
        deliveries.updateOne(heldBy(id, generation), writeOutcome(outcome)),
      );
      return matchedCount === 1;
    },

    async release(id, generation, now) {
      const { matchedCount } = await database.run(() =>
        deliveries.updateOne(heldBy(id, generation), {
          $set: { state: 'due', dueAt: now },
          $inc: { generation: 1 },
        }),
      );
      return matchedCount === 1;
    },
  };
}

/** Finds a delivery while its claim is that of this generation. */
function heldBy(id: string, generation: number) {
  return { _id: id, generation, state: 'claimed' } as const;
}
