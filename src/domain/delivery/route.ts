import type { ItemFacts } from '../notifications/read-collection.ts';
import { matches } from './filter.ts';
import type { Sink } from './sink.ts';

/**
 * Whether a sink gets this item. Inside its organisation only; a disabled one does, and its
 * deliveries wait.
 */
export function wants(
  sink: Pick<Sink, 'organizationId' | 'purpose' | 'filter'>,
  item: { readonly organizationId: string; readonly subscriptionId: string },
  facts: Pick<ItemFacts, 'tenantId' | 'resource' | 'changeType' | 'lifecycleEvent'>,
): boolean {
  if (sink.organizationId !== item.organizationId || sink.purpose !== 'notifications') return false;
  return matches(sink.filter, {
    tenantId: facts.tenantId,
    subscriptionId: item.subscriptionId,
    resource: facts.resource,
    changeType: facts.changeType,
    lifecycle: facts.lifecycleEvent !== null,
  });
}
