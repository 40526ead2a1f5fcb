import type { ItemFacts } from '../notifications/read-collection.ts';
import { offerOf, satisfies, wantedBy } from './filter.ts';
import type { Sink } from './sink.ts';

type Routed = Pick<Sink, 'id' | 'organizationId' | 'purpose' | 'filter'>;
type Item = { readonly organizationId: string; readonly subscriptionId: string };
type Facts = Pick<ItemFacts, 'tenantId' | 'resource' | 'changeType' | 'lifecycleEvent'>;

/**
 * Whether a sink gets this item. Inside its organisation only; a disabled one does, and its
 * deliveries wait.
 */
export function wants(sink: Routed, item: Item, facts: Facts): boolean {
  return createRouter([sink])(item, facts).length > 0;
}

/** Gives the ids of those of the sinks that get an item. Ready for many items and many sinks. */
export function createRouter(sinks: readonly Routed[]): (item: Item, facts: Facts) => string[] {
  const routes = sinks
    .filter(({ purpose }) => purpose === 'notifications')
    .map(({ id, organizationId, filter }) => ({ id, organizationId, wanted: wantedBy(filter) }));

  return function route(item, { tenantId, resource, changeType, lifecycleEvent }) {
    const { organizationId, subscriptionId } = item;
    const lifecycle = lifecycleEvent !== null;
    const offer = offerOf({ tenantId, subscriptionId, resource, changeType, lifecycle });
    return routes
      .filter((one) => one.organizationId === organizationId && satisfies(one.wanted, offer))
      .map(({ id }) => id);
  };
}
