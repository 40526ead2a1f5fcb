import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { deliveriesOf, OPEN_OR_DEAD } from './delivery-documents.ts';
import { sinksOf } from './sink-documents.ts';

/** Looks for sinks that deliveries wait for and that are not there, soft-deleted ones included. */
export function createSinksGone(database: MongoDatabase): DeliveryStore['sinksGone'] {
  const deliveries = deliveriesOf(database);
  const sinks = sinksOf(database);

  return async function sinksGone() {
    const waited = new Set<string>();
    // State by state, so that the index gives each id once and skips the rest.
    for (const state of OPEN_OR_DEAD) {
      for (const id of await database.run(() => deliveries.distinct('sinkId', { state }))) {
        waited.add(id);
      }
    }
    // After the deliveries: a sink is there before any of its own, so none is missed that was added.
    const ids = [...waited];
    const there = await database.run(() => sinks.distinct('id', { id: { $in: ids } }));
    const known = new Set<unknown>(there);
    return ids.filter((id) => !known.has(id));
  };
}
