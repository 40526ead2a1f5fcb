import { z } from 'zod';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { deliveriesOf, OPEN_OR_DEAD } from './delivery-documents.ts';

const Group = z.object({
  _id: z.enum(['due', 'claimed', 'dead']),
  count: z.int(),
  oldest: z.int(),
});

/** Counts what waits for a sink, by state, from an index alone. */
export function createDepth(database: MongoDatabase): DeliveryStore['depth'] {
  const deliveries = deliveriesOf(database);

  return async function depth(sinkId) {
    const pipeline = [
      { $match: { state: { $in: OPEN_OR_DEAD }, sinkId } },
      { $group: { _id: '$state', count: { $sum: 1 }, oldest: { $min: '$createdAt' } } },
    ];
    const found = await database.run(() => deliveries.aggregate(pipeline).toArray());
    const groups = new Map(
      found.map((group) => Group.parse(group)).map((each) => [each._id, each]),
    );
    return {
      due: groups.get('due')?.count ?? 0,
      claimed: groups.get('claimed')?.count ?? 0,
      dead: groups.get('dead')?.count ?? 0,
      oldestCreatedAt: groups.get('due')?.oldest ?? null,
    };
  };
}
