import type { SinkFilter } from '../../domain/delivery/sink.ts';
import { NotFoundError, UnavailableError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import type { Hand, ListenerAnswer, Listeners } from './listeners.ts';
import type { ManageSinks } from './manage-sinks.ts';

// Each holds a connection and may hold a full lane of events in memory.
const MAX_LISTENERS = 10;
// Answers come in groups, so a client needs many under way to be quick.
const CONCURRENCY = 100;
// Receipts that were being expanded when a sink was removed can have chosen it; by then they are done.
const STRAGGLERS_MS = 10_000;
const MAX_STRAGGLERS = 500;
// A process says rarely that its listeners live; one that has not said so for long is gone.
const TEND_EVERY_MS = 30_000;
const ABANDONED_MS = 120_000;

export interface WantedListener {
  readonly filter: SinkFilter;
  readonly description: string | null;
}

/** Somebody who listens. */
export interface Listener {
  readonly sinkId: string;
  /** Removes the sink for good, and what waits for it. Never rejects; done twice it does nothing more. */
  end(): Promise<void>;
}

/** Temporary sinks, each as long as its client is connected. */
export interface Listen {
  /** Adds a sink whose events are handed to `hand` at least once, until they are answered. */
  begin(principal: Principal, wanted: WantedListener, hand: Hand): Promise<Listener>;
  /** Rejects with `NotFoundError` when nobody listens there any more. */
  answer(principal: Principal, sinkId: string, answers: readonly ListenerAnswer[]): void;
  /**
   * Removes what was left by a process that was killed. One that has the store for itself does so
   * before its first listener; where several share it, each of them `tend`s instead.
   */
  removeLeftovers(): Promise<void>;
  /** Says that the listeners of this process live, and removes those that nobody says so of. */
  tend(): Promise<void>;
  /** Removes every sink of a listener that has ended; when nothing is expanded any more. */
  settle(): Promise<void>;
}

export function createListen(deps: {
  manageSinks: ManageSinks;
  sinks: SinkRepository;
  deliveries: DeliveryStore;
  listeners: Listeners;
  clock: Clock;
  log: Log;
  metrics: Pick<Metrics, 'forgetSink'>;
}): Listen {
  const { clock, listeners, log, manageSinks } = deps;
  const owners = new Map<string, string>();
  const removals = new Set<Promise<void>>();
  const stragglers = new Map<string, Cancel>();
  let beginning = 0;
  let tendedAt = 0;

  /** Softly first, so that nothing more is chosen for it while what waits is given up. */
  async function remove(principal: Principal, sinkId: string): Promise<void> {
    try {
      await manageSinks.remove(principal, sinkId);
      await manageSinks.removeForGood(principal, sinkId);
    } catch (err) {
      // Somebody else may have removed it; where the store is away, the next start does it.
      log[err instanceof NotFoundError ? 'debug' : 'warn']({ err, sinkId }, 'a listener is left');
    }
  }

  async function removeUnchangedSince(before: number): Promise<void> {
    for (const { id, kind, organizationId, updatedAt } of await deps.sinks.all()) {
      const isLeft = kind === 'listen' && !owners.has(id) && updatedAt < before;
      if (isLeft) await remove(ofTheService(organizationId), id);
    }
  }

  async function discardStragglers(sinkId: string): Promise<void> {
    stragglers.delete(sinkId);
    deps.metrics.forgetSink(sinkId); // tries that were under way have been counted since
    await deps.deliveries
      .discardForSink(sinkId, clock.now(), MAX_STRAGGLERS)
      .catch((err: unknown) => log.warn({ err, sinkId }, 'deliveries of a listener are left'));
  }

  /** So that the stop can wait for it. */
  async function track(removal: Promise<void>): Promise<void> {
    removals.add(removal);
    await removal;
    removals.delete(removal);
  }

  async function addSink(principal: Principal, wanted: WantedListener): Promise<string> {
    if (owners.size + beginning >= MAX_LISTENERS) {
      throw new UnavailableError(`At most ${MAX_LISTENERS} can listen at once`);
    }
    beginning += 1;
    try {
      const name = `listen-${principal.requestId}`.slice(0, 80);
      const settings = { ...wanted, name, kind: 'listen', concurrency: CONCURRENCY } as const;
      const { sink } = await manageSinks.add(principal, settings);
      owners.set(sink.id, principal.organizationId);
      return sink.id;
    } finally {
      beginning -= 1;
    }
  }

  return {
    async begin(principal, wanted, hand) {
      const sinkId = await addSink(principal, wanted);
      const disconnect = listeners.connect(sinkId, hand);
      let ending: Promise<void> | undefined;
      const end = async () => {
        disconnect();
        owners.delete(sinkId);
        await track(remove(principal, sinkId));
        const again = () => void track(discardStragglers(sinkId));
        stragglers.set(sinkId, clock.after(STRAGGLERS_MS, again));
      };
      return { sinkId, end: () => (ending ??= end()) };
    },

    answer({ organizationId }, sinkId, answers) {
      if (owners.get(sinkId) !== organizationId) throw new NotFoundError('Nobody listens there');
      listeners.answer(sinkId, answers);
    },

    removeLeftovers: () => removeUnchangedSince(Number.POSITIVE_INFINITY),

    async tend() {
      const now = clock.now();
      if (Math.abs(now - tendedAt) < TEND_EVERY_MS) return;
      tendedAt = now;
      for (const [sinkId, organizationId] of owners) {
        await deps.sinks.update(organizationId, sinkId, {}, now);
      }
      await removeUnchangedSince(now - ABANDONED_MS);
    },

    async settle() {
      await Promise.all(removals);
      for (const [sinkId, cancel] of stragglers) {
        cancel();
        await discardStragglers(sinkId);
      }
    },
  };
}

function ofTheService(organizationId: string): Principal {
  const id = 'sallyport';
  return { organizationId, id, ipAddress: undefined, userAgent: undefined, requestId: 'start' };
}
