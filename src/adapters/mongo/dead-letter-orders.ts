import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { deliveriesOf, DUE, OPEN_OR_DEAD, readRedriven } from './delivery-documents.ts';

type Redriven = Awaited<ReturnType<DeliveryStore['redrive']>>[number];

// One by one, because the writes of a bulk do not tell which of them found what they asked for; so
// many at a time that others find connections too.
const REDRIVEN_AT_ONCE = 10;

type Orders = Pick<DeliveryStore, 'redrive' | 'discard' | 'discardForSink'>;

/** What an operator decides about deliveries: each is moved on by one write to its document. */
export function createDeadLetterOrders(database: MongoDatabase): Orders {
  const deliveries = deliveriesOf(database);

  async function redriveOne(organizationId: string, id: string, now: number) {
    const dead = { _id: id, organizationId, state: 'dead' } as const;
    const again = {
      $set: { state: 'due', dueAt: now, attempt: 0 },
      $inc: { generation: 1 },
    } as const;
    const found = await database.run(() =>
      deliveries.findOneAndUpdate(dead, again, { returnDocument: 'after', projection: DUE }),
    );
    return found === null ? undefined : readRedriven(found);
  }

  return {
    async redrive(organizationId, deliveryIds, now) {
      const redriven: Redriven[] = [];
      for (let start = 0; start < deliveryIds.length; start += REDRIVEN_AT_ONCE) {
        const ids = deliveryIds.slice(start, start + REDRIVEN_AT_ONCE);
        const some = await Promise.all(ids.map((id) => redriveOne(organizationId, id, now)));
        redriven.push(...some.filter((each) => each !== undefined));
      }
      return redriven;
    },

    async discard(organizationId, deliveryIds, now) {
      const dead = { _id: { $in: [...deliveryIds] }, organizationId, state: 'dead' } as const;
      const { modifiedCount } = await database.run(() =>
        deliveries.updateMany(dead, discarded(now)),
      );
      return modifiedCount;
    },

    async discardForSink(sinkId, now, limit) {
      const ofSink = { state: { $in: OPEN_OR_DEAD }, sinkId };
      // Some may end between the two; fewer than `limit` would say that there are no more.
      for (let count = 0; ;) {
        const wanted = limit - count;
        const found = await database.run(() =>
          deliveries.find(ofSink, { projection: { _id: 1 }, limit: wanted }).toArray(),
        );
        const those = { ...ofSink, _id: { $in: found.map(({ _id }) => _id) } };
        const { modifiedCount } = await database.run(() =>
          deliveries.updateMany(those, discarded(now)),
        );
        count += modifiedCount;
        if (count >= limit || found.length < wanted) return count;
      }
    },
  };
}

function discarded(now: number) {
  return { $set: { state: 'discarded', dueAt: now }, $inc: { generation: 1 } } as const;
}
