import type { ItemFacts } from './read-collection.ts';

// A Map, because a lifecycleEvent may be called `constructor`.
const LIFECYCLE = new Map([
  ['reauthorizationRequired', 'SubscriptionReauthorizationRequired'],
  ['subscriptionRemoved', 'SubscriptionRemoved'],
  ['missed', 'NotificationsMissed'],
]);

const OF_PATH = new Map([
  ['messages', 'Message'],
  ['drive', 'DriveItem'],
  ['drives', 'DriveItem'],
]);

// The type stands in logs and is what consumers branch on: nothing longer or stranger gets in.
const NAME = /^[a-z][a-z0-9]{0,63}$/i;

/**
 * The CloudEvent `type` of an item, as Azure Event Grid names Graph's events:
 * `Microsoft.Graph.MessageCreated`. Kinds of change and of lifecycle that Graph may add later get
 * a name of the same form.
 */
export function eventTypeOf(facts: ItemFacts): string {
  const { lifecycleEvent } = facts;
  if (lifecycleEvent !== null) {
    const known = LIFECYCLE.get(lifecycleEvent);
    return `Microsoft.Graph.${known ?? `Subscription${nameOr(lifecycleEvent, 'Lifecycle')}`}`;
  }
  return `Microsoft.Graph.${resourceTypeOf(facts)}${nameOr(facts.changeType, 'Changed')}`;
}

/** The CloudEvent `subject`: the path of what changed; of a lifecycle event its subscription. */
export function subjectOf(facts: ItemFacts, subscriptionId: string): string {
  return facts.resource ?? `subscriptions/${subscriptionId}`;
}

function resourceTypeOf({ odataType, resource }: ItemFacts): string {
  return nameOr(odataType?.split('.').at(-1) ?? null, typeOfPath(resource ?? ''));
}

/** By the first segment that tells; keys stand in segments of their own or in parentheses. */
function typeOfPath(resource: string): string {
  for (const segment of resource.toLowerCase().split('/')) {
    const type = OF_PATH.get(segment.replace(/\(.*$/s, ''));
    if (type !== undefined) return type;
  }
  return 'Resource';
}

function nameOr(text: string | null, otherwise: string): string {
  if (text === null || !NAME.test(text)) return otherwise;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
