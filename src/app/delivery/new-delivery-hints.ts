import type { NewDelivery } from '../../ports/delivery-store.ts';
import type { Hint } from '../../ports/job-queue.ts';

/** The hints at deliveries that have just been inserted. */
export function newDeliveryHints(rows: readonly NewDelivery[]): Hint[] {
  return rows.map(({ id, sinkId, dueAt }) => ({
    kind: 'deliver',
    id,
    generation: 0,
    lane: sinkId,
    dueAt,
  }));
}
