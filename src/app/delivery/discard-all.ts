import type { Clock } from '../../ports/clock.ts';
import type { DeliveryStore } from '../../ports/delivery-store.ts';

// Small enough that no acknowledgement and no delivery of another sink waits for it.
const AT_ONCE = 500;

/** Gives up all that is open or dead of a sink, until `isOver` says so; gives how many there were. */
export async function discardAll(
  { deliveries, clock }: { deliveries: DeliveryStore; clock: Clock },
  sinkId: string,
  isOver = () => false,
): Promise<number> {
  let total = 0;
  for (let count = AT_ONCE; count === AT_ONCE && !isOver(); total += count) {
    count = await deliveries.discardForSink(sinkId, clock.now(), AT_ONCE);
  }
  return total;
}
