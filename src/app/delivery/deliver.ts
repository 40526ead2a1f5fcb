import { toCloudEvent } from '../../domain/delivery/cloud-event.ts';
import { replayIdOf } from '../../domain/delivery/replay.ts';
import { isSamePlace, type Sink } from '../../domain/delivery/sink.ts';
import { afterTry, jitterOf } from '../../domain/delivery/retry-schedule.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery, DeliveryStore, DueDelivery } from '../../ports/delivery-store.ts';
import type { Hint, JobQueue } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { EndedTry, SinkAnswer } from '../../ports/notification-sink.ts';
import type { Lanes, SinkLane } from './lanes.ts';
import type { WatchSinks } from './watch-sinks.ts';

const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5000;
const WRITE_AGAIN_MS = [500, 2000, 5000, 5000, 5000];

export interface Deliver {
  /** Tries one delivery: claims it, hands it to its sink, writes the outcome. */
  deliver(hint: Hint): Promise<void>;
  /** Counts a claim whose holder is gone as a try that was lost. */
  recordLost(sinkId: string, lapsed: DueDelivery): Promise<void>;
  /** Aborts what is under way; nothing of it is counted. */
  abort(): void;
}

export function createDeliver(deps: {
  deliveries: DeliveryStore;
  lanes: Lanes;
  watch: WatchSinks;
  queue: JobQueue;
  cipher: Cipher;
  clock: Clock;
  metrics: Metrics;
  log: Log;
}): Deliver {
  const { clock, deliveries, lanes, metrics } = deps;
  const stopping = new AbortController();

  async function deliver(hint: Hint): Promise<void> {
    const lane = lanes.find(hint.lane);
    if (lane?.destination === undefined || !lane.sink.enabled || stopping.signal.aborted) return;
    lanes.began(hint.lane);
    const leaseUntil = clock.now() + LEASE_MS;
    const claimed = await deliveries.claim(hint.id, hint.generation, leaseUntil);
    if (claimed === undefined) return;
    const startedAt = clock.now();
    await keepClaimed(claimed, async () => {
      const answer = await hand(claimed, lane);
      if (answer.outcome === 'aborted') {
        await deliveries.release(hint.id, claimed.delivery.generation, clock.now());
      } else {
        await finish(claimed, lane, { answer, startedAt });
      }
    });
  }

  async function hand(claimed: ClaimedDelivery, lane: SinkLane): Promise<SinkAnswer> {
    const { delivery, notification } = claimed;
    if (lane.destination === undefined || notification.data === null) {
      throw new Error('a delivery without a destination or without data');
    }
    const event = toCloudEvent(notification, notification.data, replayIdOf(delivery.id));
    return lane.destination.deliver(event, {
      deliveryId: delivery.id,
      attempt: delivery.attempt + 1,
      signal: stopping.signal,
    });
  }

  /** Renews the lease for as long as the work takes. */
  async function keepClaimed<T>({ delivery }: ClaimedDelivery, work: () => Promise<T>): Promise<T> {
    const { id, generation } = delivery;
    const renew = () => {
      cancel = clock.after(RENEW_EVERY_MS, renew);
      deliveries
        .renew(id, generation, clock.now() + LEASE_MS)
        .catch((err: unknown) => deps.log.warn({ err, delivery: id }, 'a lease was not renewed'));
    };
    let cancel = clock.after(RENEW_EVERY_MS, renew);
    try {
      return await work();
    } finally {
      cancel();
    }
  }

  async function finish(
    { delivery }: ClaimedDelivery,
    { sink, era }: SinkLane,
    { answer, startedAt }: { answer: EndedTry; startedAt: number },
  ): Promise<void> {
    const now = clock.now();
    const durationMs = Math.max(0, now - startedAt);
    lanes.ended(sink.id, answer.outcome !== 'retry', era);
    metrics.observe('delivery_duration_seconds', { sink: sink.id }, durationMs / 1000);
    // At once: with each further try another delivery would be refused for good.
    if (answer.outcome === 'dead' && answer.gone && leadsHere(sink)) lanes.shut(sink.id);
    const written = writeOutcome(sink.id, delivery, {
      end: answer,
      startedAt,
      durationMs,
      status: answer.status,
      reason: answer.outcome === 'delivered' ? null : answer.reason,
      answer: answer.body === '' ? null : deps.cipher.seal(answer.body, `attempt:${delivery.id}`),
    });
    const watched = deps.watch.tried(sink, answer);
    // Both to their end, whichever fails: the lease is renewed for as long as this takes.
    await Promise.allSettled([written, watched]);
    await Promise.all([written, watched]);
  }

  /** Whether its lane still leads where this try went. */
  function leadsHere(sink: Sink): boolean {
    const known = lanes.find(sink.id)?.sink;
    return known !== undefined && isSamePlace(known, sink);
  }

  async function recordLost(sinkId: string, lapsed: DueDelivery): Promise<void> {
    await writeOutcome(sinkId, lapsed, {
      end: { outcome: 'lost' },
      startedAt: lapsed.dueAt,
      durationMs: 0,
      status: null,
      reason: 'lost',
      answer: null,
    });
  }

  async function writeOutcome(
    sinkId: string,
    delivery: Pick<DueDelivery, 'id' | 'generation' | 'attempt'>,
    ended: EndedAttempt,
  ): Promise<void> {
    const { end, ...attempt } = ended;
    const tries = delivery.attempt + 1;
    const { state, dueAt } = afterTry(end, clock.now(), tries, jitterOf(delivery.id, tries));
    const outcome = { state, dueAt, attempt: { ...attempt, outcome: end.outcome } };
    const { id, generation } = delivery;
    if (!(await persistently(() => deliveries.finish(id, generation, outcome)))) return;
    metrics.count('deliveries_total', {
      sink: sinkId,
      outcome: state === 'dead' ? 'dead' : end.outcome,
    });
    if (state !== 'due') return;
    deps.queue.hint([{ kind: 'deliver', id, generation: generation + 1, lane: sinkId, dueAt }]);
  }

  /**
   * Writes again what the store did not take: an outcome that is forgotten is a duplicate. Safe,
   * because the write names its generation; the lease is renewed meanwhile.
   */
  async function persistently(write: () => Promise<boolean>): Promise<boolean> {
    for (const waitMs of WRITE_AGAIN_MS) {
      try {
        return await write();
      } catch (err) {
        if (stopping.signal.aborted) throw err;
        deps.log.warn({ err }, 'an outcome is not written yet');
        await pause(waitMs);
      }
    }
    return write();
  }

  /** Ends early when the service stops. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        stopping.signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = clock.after(ms, end);
      stopping.signal.addEventListener('abort', end);
    });
  }

  return { deliver, recordLost, abort: () => stopping.abort() };
}

interface EndedAttempt {
  readonly end: Parameters<typeof afterTry>[0];
  readonly startedAt: number;
  readonly durationMs: number;
  readonly status: number | null;
  readonly reason: string | null;
  readonly answer: ReturnType<Cipher['seal']> | null;
}
