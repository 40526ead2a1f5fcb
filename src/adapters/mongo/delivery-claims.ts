import type { Delivery } from '../../domain/delivery/delivery.ts';
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

  async function release(id: string, generation: number, dueAt: number): Promise<boolean> {
    const change = { $set: { state: 'due', dueAt }, $inc: { generation: 1 } } as const;
    const { matchedCount } = await database.run(() =>
      deliveries.updateOne(heldBy(id, generation), change),
    );
    return matchedCount === 1;
  }

  /** What a claimed delivery delivers; when that cannot be told, its claim is given back. */
  async function findWhatItDelivers({ id, generation, notificationId }: Delivery, dueAt: number) {
    try {
      return await database.run(() => notifications.findOne({ _id: notificationId }));
    } catch (error) {
      // Nobody would know of the claim: it would last for its lease, and count as a lost try.
      await release(id, generation, dueAt).catch(() => undefined);
      throw error;
    }
  }

  return {
    release,

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
      const before = await database.run(() =>
        deliveries.findOneAndUpdate({ _id: id, generation, state: 'due' }, change, {
          returnDocument: 'before',
          projection: WITHOUT_ATTEMPTS,
        }),
      );
      if (before === null) return undefined;
      const due = readDelivery(before);
      const taken = { state: 'claimed', dueAt: leaseUntil, generation: generation + 1 } as const;
      const delivery = { ...due, ...taken };
      const notification = await findWhatItDelivers(delivery, due.dueAt);
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
  };
}

/** Finds a delivery while its claim is that of this generation. */
function heldBy(id: string, generation: number) {
  return { _id: id, generation, state: 'claimed' } as const;
}
