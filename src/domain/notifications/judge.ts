import type { KnownSubscription } from '../subscriptions/subscription.ts';
import type { ReceivedItem } from './read-collection.ts';

/** What becomes of a well-formed item; all but the first are the reasons of its refusal. */
export type Verdict =
  'accepted' | 'unknown-subscription' | 'deleted-subscription' | 'tenant' | 'client-state';

/**
 * Judges one well-formed item of a POST by what is known under its subscription id. An expired
 * subscription counts like any other: Graph repeats for hours.
 *
 * `sameClientState` compares in constant time; it is asked about an item without a clientState
 * too, which is refused whatever it says.
 */
export function judge(
  item: Pick<ReceivedItem, 'tenantId' | 'clientState'>,
  known: KnownSubscription | undefined,
  sameClientState: (clientState: string, digest: string) => boolean,
): Verdict {
  if (known === undefined) return 'unknown-subscription';
  if (known.deletedAt !== null) return 'deleted-subscription';
  if (known.tenantId !== item.tenantId) return 'tenant';
  const same = sameClientState(item.clientState ?? '', known.clientStateDigest);
  return same && item.clientState !== null ? 'accepted' : 'client-state';
}
