import { isWithin } from '../../domain/elapsed.ts';
import type { KnownSubscription } from '../../domain/subscriptions/subscription.ts';
import type { Clock } from '../../ports/clock.ts';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import { within } from '../deadline.ts';

/** What judging knows of subscriptions. */
export interface SubscriptionCache {
  /**
   * What is known of an id from memory, at most 5 s old: a subscription, `null` for one that the
   * store did not know 2 s ago or less, `undefined` when the store has to be asked.
   */
  peek(id: string): KnownSubscription | null | undefined;

  /**
   * Asks the store about these ids and remembers the answer. One query is in flight at a time;
   * whoever asks meanwhile shares the next one, so that no flood of strangers becomes a flood of
   * queries. Rejects at `deadline`, or when the store cannot answer.
   */
  ask(ids: Iterable<string>, deadline: number): Promise<void>;

  /**
   * Forgets what it knows of an id, because it was just changed. An answer that is under way may be
   * older than that: the id is asked for once more before those who wait for it go on.
   */
  forget(id: string): void;
}

interface Entry {
  readonly known: KnownSubscription;
  readonly askedAt: number;
}

const FRESH_MS = 5000;
// Asked again in the background before it is too old, so that no acknowledgement waits for it.
const REFRESH_AFTER_MS = 2500;
const UNKNOWN_MS = 2000;
const MAX_KNOWN = 100_000;
const MAX_UNKNOWN = 20_000;
const BACKGROUND_MS = 5000;

export function createSubscriptionCache(deps: {
  subscriptions: SubscriptionRepository;
  clock: Clock;
}): SubscriptionCache {
  const { clock } = deps;
  const known = new Map<string, Entry>();
  const unknown = new Map<string, number>();
  let gathering: { ids: Set<string>; answered: Promise<void> } | undefined;
  let inFlight: Promise<unknown> = Promise.resolve();
  /** What the query in flight will be believed about. */
  let asking = new Set<string>();

  function ask(ids: Iterable<string>): Promise<void> {
    if (gathering === undefined) {
      const next = { ids: new Set<string>(), answered: Promise.resolve() };
      next.answered = inFlight.then(() => query(next.ids));
      // Whoever waits for the answer sees the failure; the next query only needs the end of this one.
      inFlight = next.answered.catch(() => undefined);
      gathering = next;
    }
    for (const id of ids) gathering.ids.add(id);
    return gathering.answered;
  }

  async function query(ids: Set<string>): Promise<void> {
    gathering = undefined;
    for (let left = ids; left.size > 0;) left = await lookUp(left);
  }

  /** Remembers what the store says of these ids; gives those that were forgotten meanwhile. */
  async function lookUp(ids: Set<string>): Promise<Set<string>> {
    const before = clock.now();
    asking = new Set(ids);
    const found = await deps.subscriptions.lookUp([...ids]);
    // The clock may have been set back meanwhile, and those who wait would find the answer stale.
    const askedAt = Math.min(before, clock.now());
    const again = new Set([...ids].filter((id) => !asking.has(id)));
    for (const subscription of found) {
      if (!asking.delete(subscription.id)) continue;
      remember(known, MAX_KNOWN, subscription.id, { known: subscription, askedAt });
      unknown.delete(subscription.id);
    }
    for (const id of asking) {
      known.delete(id);
      remember(unknown, MAX_UNKNOWN, id, askedAt);
    }
    return again;
  }

  function refresh(id: string): void {
    within(clock, clock.now() + BACKGROUND_MS, ask([id])).catch(() => undefined);
  }

  return {
    peek(id) {
      const now = clock.now();
      const entry = known.get(id);
      if (entry !== undefined) {
        if (!isWithin(entry.askedAt, now, FRESH_MS)) return undefined;
        if (now - entry.askedAt >= REFRESH_AFTER_MS) refresh(id);
        return entry.known;
      }
      const missedAt = unknown.get(id);
      return missedAt !== undefined && isWithin(missedAt, now, UNKNOWN_MS) ? null : undefined;
    },

    ask: (ids, deadline) => within(clock, deadline, ask(ids)),

    forget(id) {
      known.delete(id);
      unknown.delete(id);
      asking.delete(id);
    },
  };
}

/** Sets a key of a bounded map; those that were set longest ago make room. */
function remember<V>(map: Map<string, V>, limit: number, key: string, value: V): void {
  map.delete(key);
  if (map.size >= limit) forgetOldest(map, limit / 10);
  map.set(key, value);
}

/** Many at once: on the way to its first key a map steps over all that were deleted before it. */
function forgetOldest(map: Map<string, unknown>, count: number): void {
  for (const key of map.keys()) {
    if (count <= 0) return;
    count -= 1;
    map.delete(key);
  }
}
