import { StoreUnavailableError } from '../../domain/errors.ts';
import type { CircuitBreakers } from '../../ports/circuit-breakers.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RateStore } from '../../ports/rate-store.ts';
import { within } from '../stores/within.ts';

export interface FailoverRateStore extends RateStore {
  /** The shared store is left alone for now: each instance counts for itself. */
  isDegraded(): boolean;
  /** Ends the asking whether the shared store is back. */
  close(): void;
}

// Opens when more than half of the last two seconds' answers were none: one late answer does not do
// it under load, and with little traffic nobody after the first waits.
const BREAKER = {
  resetTimeoutMs: 5000,
  volumeThreshold: 0,
  window: { ms: 2000, buckets: 4 },
} as const;

// Written, because a Redis that refuses writes answers everything else.
const TRIAL = { key: 'failover-trial', windowMs: 1000 };

/**
 * Counts in `shared`, and in `local` while that fails or takes longer than `timeoutMs`; windows and
 * tickets then say `degraded`. A shared store that failed is left alone, so that nobody waits for it,
 * and tried every 5 s by the store itself, not by somebody's request. Only `undo` of what was counted
 * in `shared`, and `clear`, reject with `StoreUnavailableError` while it is away.
 */
export function createFailoverRateStore(deps: {
  shared: RateStore;
  local: RateStore;
  breakers: Pick<CircuitBreakers, 'create'>;
  clock: Clock;
  log: Log;
  timeoutMs: number;
}): FailoverRateStore {
  const { shared, local, clock, log } = deps;
  const limit = { clock, ms: deps.timeoutMs, store: 'redis' };
  const breaker = deps.breakers.create('redis', {
    ...BREAKER,
    trial: {
      everyMs: BREAKER.resetTimeoutMs,
      run: () => within(limit, shared.hit(TRIAL.key, TRIAL.windowMs)),
    },
    turned(to, err) {
      if (to === 'closed') log.info({}, 'rate limits are counted over all instances again');
      else log.warn({ err }, 'rate limits are counted by each instance for itself');
    },
  });

  const isDegraded = () => breaker.status !== 'closed';

  function ask<T>(question: () => Promise<T>): Promise<T> {
    return breaker.call(() => within(limit, question()).catch(asUnavailable));
  }

  function askOr<T>(question: () => Promise<T>, instead: () => Promise<T>): Promise<T> {
    return isDegraded() ? instead() : ask(question).catch(instead);
  }

  return {
    hit: (key, windowMs, cost) =>
      askOr(
        () => shared.hit(key, windowMs, cost),
        async () => {
          const window = await local.hit(key, windowMs, cost);
          return { ...window, degraded: true, ticket: { ...window.ticket, degraded: true } };
        },
      ),

    undo: (ticket) =>
      ticket.degraded ? local.undo({ ...ticket, degraded: false }) : ask(() => shared.undo(ticket)),

    read: (key) =>
      askOr(
        () => shared.read(key),
        async () => {
          const window = await local.read(key);
          return window && { ...window, degraded: true };
        },
      ),

    async clear(key) {
      await local.clear(key);
      await ask(() => shared.clear(key));
    },

    isDegraded,

    close: () => breaker.close(),
  };
}

/** Whatever a shared store fails with, it is no answer. */
function asUnavailable(error: unknown): never {
  throw error instanceof StoreUnavailableError
    ? error
    : new StoreUnavailableError('shared rate store', error);
}
