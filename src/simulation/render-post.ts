import { randomUUID } from 'node:crypto';
import type { Cast, SimulatedSubscription } from './cast.ts';
import type { Forgery, PlannedItem } from './plan-traffic.ts';

const CHANGE_TYPES = ['created', 'updated', 'deleted'] as const;

/** What tells a change from all others; the same in its repeats, and in those that forge it. */
export function itemIdOf({ number }: PlannedItem): string {
  return `simulated-${number}`;
}

/** The body of a POST as Graph writes it. */
export function renderPost(items: readonly PlannedItem[], cast: Cast): string {
  return JSON.stringify({ value: items.map((item) => toGraphItem(item, cast)) });
}

function toGraphItem(item: PlannedItem, { subscriptions, stranger }: Cast): object {
  const { number, forgery } = item;
  const id = itemIdOf(item);
  const own = subscriptions[number % subscriptions.length] ?? subscriptions[0];
  const subscription = forgery === 'subscription' ? stranger : own;
  const resource = `Users/${subscription.tenantId}/Messages/${id}`;
  return {
    // Graph leaves it out at times: the version of the resource has to do then.
    ...(number % 3 === 0 ? {} : { id }),
    ...credentialsOf(subscription, forgery),
    subscriptionExpirationDateTime: subscription.expirationDateTime,
    changeType: CHANGE_TYPES[number % CHANGE_TYPES.length],
    resource,
    resourceData: {
      '@odata.type': '#Microsoft.Graph.Message',
      '@odata.id': resource,
      '@odata.etag': `W/"${id}"`,
      id,
      // Nobody but the simulation's own sink looks at this.
      forged: forgery !== null,
    },
  };
}

function credentialsOf(
  { id, tenantId, clientState }: SimulatedSubscription,
  forgery: Forgery | null,
) {
  return {
    subscriptionId: id,
    tenantId: forgery === 'tenant' ? randomUUID() : tenantId,
    clientState: forgery === 'client-state' ? randomUUID() : clientState.reveal(),
  };
}
