import { guard, guardAll, PAST } from '../adapters/opossum/guard.ts';
import type { Config } from '../config.ts';
import type { CircuitBreaker, CircuitBreakers } from '../ports/circuit-breakers.ts';
import type { Clock } from '../ports/clock.ts';
import type { HealthProbe } from '../ports/health-probe.ts';
import type { Stores } from './stores.ts';

type Breaker = Pick<CircuitBreaker, 'call'>;
type Guarded = Pick<
  Stores,
  'audit' | 'deliveries' | 'inbox' | 'replays' | 'sinks' | 'subscriptions'
>;

// A notification that is refused comes again, but each one adds to what Graph counts against us.
const INBOX_RESET_MS = 1000;
// What works in the background has nobody who asks again: it must not stand still for the 30 s that
// a caller is kept away.
const TRIAL_EVERY_MS = 1000;
// Short, because while one hangs no other is made.
const TRIAL_MS = 1000;

// Whoever sends a body slowly decides how long an append has. Less than this says nothing about a disk,
// and could else be used by anybody to have everybody refused.
const MAX_FAIR_MS = 500;

/**
 * Puts a breaker before every call to what is kept in `name`, and one more before the way to an
 * acknowledgement, which is back as soon as the store is. An append that is late for its deadline
 * counts as a failure, beside those that were written, where it was given a fair time: only where most
 * of them are late it opens, and a second without new ones is what such an inbox needs.
 */
export function guardStores<S extends Guarded>(
  stores: S,
  deps: {
    name: string;
    probe: HealthProbe;
    config: Config;
    breakers: CircuitBreakers;
    clock: Clock;
  },
): S & Pick<Stores, 'isAway'> {
  const timeoutMs = deps.config.storeTimeoutMs;
  const inbox = deps.breakers.create('inbox', { resetTimeoutMs: INBOX_RESET_MS, timeoutMs });
  const store = deps.breakers.create(deps.name, {
    timeoutMs,
    trial: { everyMs: TRIAL_EVERY_MS, run: () => tryIt(deps.probe, deps.clock) },
  });
  return {
    ...stores,
    inbox: guardInbox(stores.inbox, inbox, deps),
    deliveries: guardAll(stores.deliveries, store),
    subscriptions: guardSubscriptions(stores.subscriptions, { store, inbox }),
    sinks: guardAll(stores.sinks, store),
    replays: guardAll(stores.replays, store),
    // `record` keeps what it cannot write yet, and never rejects.
    audit: guard(stores.audit, { search: store, purge: store, record: PAST }),
    // Half-open, the store is being tried by its probe; the inbox needs a call to be let through.
    isAway: () => store.status !== 'closed' || inbox.status === 'open',
  };
}

async function tryIt(probe: HealthProbe, clock: Clock): Promise<void> {
  const giveUp = new AbortController();
  const cancel = clock.after(TRIAL_MS, () => giveUp.abort());
  try {
    const { status, detail } = await probe.check(giveUp.signal);
    if (status !== 'healthy') throw new Error(detail);
  } finally {
    cancel();
  }
}

function guardInbox(
  inbox: Stores['inbox'],
  breaker: Breaker,
  { clock, config }: { clock: Clock; config: Config },
): Stores['inbox'] {
  const fairMs = Math.min(MAX_FAIR_MS, config.ackTimeoutMs / 2);
  return guard(inbox, {
    append: (_entry, deadline) => (deadline - clock.now() < fairMs ? PAST : breaker),
    unsettled: breaker,
    read: breaker,
    heldSubscriptions: breaker,
    heldOf: breaker,
    heldUsage: breaker,
    purgeHeld: breaker,
  });
}

function guardSubscriptions(
  subscriptions: Stores['subscriptions'],
  { store, inbox }: { store: Breaker; inbox: Breaker },
): Stores['subscriptions'] {
  return guard(subscriptions, {
    insert: store,
    find: store,
    list: store,
    update: store,
    softDelete: store,
    restore: store,
    permanentlyDelete: store,
    ending: store,
    // On the way to an acknowledgement: behind the other one, intake would be away for longer than
    // the store is, and work in the background could close it.
    lookUp: inbox,
  });
}
