import { MAX_RETRY_AFTER_MS } from '../../domain/delivery/retry-schedule.ts';
import { CLOCK_ERROR_MS, wasSetBack } from '../../domain/elapsed.ts';
import { HELD_LIMITS, type HeldQuota } from '../../domain/notifications/held-quota.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { DeliveryStore, DueDelivery } from '../../ports/delivery-store.ts';
import type { Inbox, Unsettled } from '../../ports/inbox.ts';
import type { Hint, JobQueue } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { ExpandReceipt } from '../notifications/expand-receipt.ts';
import type { JudgeHeld } from '../notifications/judge-held.ts';
import type { Deliver } from './deliver.ts';
import { discardAll } from './discard-all.ts';
import type { Lanes } from './lanes.ts';

/** All receipts are one lane: they wait for nobody but the store. */
export const RECEIPTS_LANE = 'receipts';

/**
 * Finds in the store what has to be done and hints at it: what was overlooked, what a crash left,
 * what the queue had no room for, what is due by now.
 */
export interface Sweep {
  /** Sweeps at once and from then on every 5 s; resolves after the first round. */
  start(): Promise<void>;
  /** Looks for more of one lane, out of turn. */
  lane(sinkId: string): void;
  receipts(): void;
  /** Looks at all lanes, as after a sink was changed. */
  lanes(): void;
  stop(): void;
}

const EVERY_MS = 5000;
/** So many hints of one lane are kept at once; the rest waits in the store. */
export const LANE_HINTS = 2000;
// One more than the queue takes: what it drops makes it say when the lane has run out.
const PAGE = LANE_HINTS + 1;
/** So many receipts are expanded at once while the queue is away. */
const EXPANSIONS = 16;
// Small enough that no acknowledgement waits for it.
const ROWS_AT_ONCE = 500;
// In rounds, as hours would be those of a clock that may be set.
const ROUNDS_TO_SINKS_GONE = 720;

export function createSweep(deps: {
  inbox: Inbox;
  held: HeldQuota;
  deliveries: DeliveryStore;
  lanes: Lanes;
  queue: JobQueue;
  deliver: Deliver;
  judgeHeld: JudgeHeld;
  expandReceipt: ExpandReceipt;
  /** What else is looked after in each round, by name. */
  chores: Readonly<Record<string, () => Promise<void>>>;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}): Sweep {
  const { clock, deliveries, inbox, lanes, log, queue } = deps;
  const once = createOnce(log);
  let stopped = false;
  let rounds = 0;
  // Later than any: the clock may have been set back while nobody was there to see.
  let latestSeen = Infinity;
  let cancel: Cancel | undefined;

  async function round(receiptAgeMs: number): Promise<void> {
    await Promise.all([
      once('receipts', () => sweepReceipts(receiptAgeMs)),
      once('held', sweepHeld),
      once('lanes', sweepLanes),
      rounds % ROUNDS_TO_SINKS_GONE === 0 && once('sinks that are gone', giveUpForSinksGone),
      ...Object.entries(deps.chores).map(([name, chore]) => once(name, chore)),
    ]);
    rounds += 1;
  }

  async function sweepReceipts(ageMs: number): Promise<void> {
    if (!queue.isWorking()) return expandAll(ageMs);
    // On to the next page: receipts that cannot be read must not keep out those behind them.
    for (let after = ''; queue.size('expand', RECEIPTS_LANE) < LANE_HINTS;) {
      const { overdue, last } = await overdueReceipts(ageMs, after);
      queue.hint(overdue.map(({ id, receivedAt }) => receiptHint(id, receivedAt)));
      if (last === undefined) return;
      after = last;
    }
  }

  /** One page of them, and where the next one begins; nowhere after the last one. */
  async function overdueReceipts(ageMs: number, after: string) {
    const now = clock.now();
    const page = await inbox.unsettled({ after, limit: PAGE });
    const isOverdue = ({ receivedAt }: Unsettled) => receivedAt <= now - ageMs || receivedAt > now;
    return {
      overdue: page.filter(isOverdue),
      last: page.length < PAGE ? undefined : page.at(-1)?.id,
    };
  }

  /**
   * Without the queue: what is received must not gather until there is no room for more, however
   * long Redis is away. Several instances may do the same receipt, which changes nothing.
   */
  async function expandAll(ageMs: number): Promise<void> {
    for (let after: string | undefined = ''; after !== undefined && !queue.isWorking();) {
      const { overdue, last } = await overdueReceipts(ageMs, after);
      const receipts = overdue.values();
      const worker = async () => {
        for (const { id } of receipts) if (!stopped) await expand(id);
      };
      await Promise.all(Array.from({ length: EXPANSIONS }, worker));
      after = stopped ? undefined : last;
    }
  }

  async function expand(id: string): Promise<void> {
    await deps.expandReceipt(id).catch((err: unknown) => {
      log.warn({ err, receipt: id }, 'a receipt is not expanded and is tried again');
    });
  }

  async function sweepHeld(): Promise<void> {
    const before = clock.now() - HELD_LIMITS.ageMs;
    const dropped = await inbox.purgeHeld(before);
    deps.held.expire(before);
    if (dropped > 0) {
      deps.metrics.count('notifications_total', { verdict: 'unknown-subscription' }, dropped);
    }
    // Asked of the store: an instance that is gone may have held them, and only it has counted them.
    const waiting = await inbox.heldSubscriptions();
    if (waiting.length > 0) await deps.judgeHeld(waiting);
  }

  async function sweepLanes(): Promise<void> {
    const sinks = await lanes.refresh();
    await once('a clock that was set back', () => bringForward(sinks.map(({ id }) => id)));
    queue.wake('deliver');
    for (const { id } of lanes.open()) if (!stopped) await once(id, () => sweepLane(id));
  }

  /** What a clock that was set back has put off would else wait for as long as it was set back. */
  async function bringForward(sinkIds: readonly string[]): Promise<void> {
    const now = clock.now();
    if (!wasSetBack(latestSeen, now)) {
      latestSeen = Math.max(latestSeen, now);
      return;
    }
    const after = now + CLOCK_ERROR_MS;
    const setBack = { now, after, latest: after + MAX_RETRY_AFTER_MS };
    for (let count = ROWS_AT_ONCE; count >= ROWS_AT_ONCE && !stopped;) {
      count = await deliveries.bringForward(sinkIds, setBack, ROWS_AT_ONCE);
    }
    latestSeen = now;
  }

  /** A receipt that was expanded while a sink was removed has left deliveries that nobody would take. */
  async function giveUpForSinksGone(): Promise<void> {
    for (const id of await deliveries.sinksGone()) {
      await discardAll(deps, id, () => stopped);
    }
  }

  /** As many as the lane can take, the longest due first. */
  async function sweepLane(sinkId: string): Promise<void> {
    if (queue.size('deliver', sinkId) >= LANE_HINTS) return;
    const due = await deliveries.due(sinkId, clock.now(), PAGE);
    await recordLost(
      sinkId,
      due.filter(({ lapsed }) => lapsed),
    );
    queue.hint(
      due
        .filter(({ lapsed }) => !lapsed)
        .map(({ id, generation, dueAt }): Hint => {
          return { kind: 'deliver', id, generation, lane: sinkId, dueAt };
        }),
    );
  }

  /** One that cannot be written does not keep back the others; two are the store's doing. */
  async function recordLost(sinkId: string, lost: readonly DueDelivery[]): Promise<void> {
    let failed = false;
    for (const lapsed of lost) {
      await deps.deliver.recordLost(sinkId, lapsed).catch((err: unknown) => {
        if (failed || stopped) throw err;
        failed = true;
        log.warn({ err, delivery: lapsed.id }, 'a lost try is not written yet');
      });
    }
  }

  async function sweepAndGoOn(receiptAgeMs: number): Promise<void> {
    await round(receiptAgeMs);
    if (!stopped) cancel = clock.after(EVERY_MS, () => void sweepAndGoOn(EVERY_MS));
  }

  return {
    // Nothing that a former process left has to wait for its age.
    start: () => sweepAndGoOn(0),
    lane(sinkId) {
      if (lanes.open().some(({ id }) => id === sinkId)) void once(sinkId, () => sweepLane(sinkId));
    },
    receipts: () => void once('receipts', () => sweepReceipts(0)),
    lanes: () => void once('lanes', sweepLanes),
    stop: () => {
      stopped = true;
      cancel?.();
    },
  };
}

/** The hint at a receipt that waits to be expanded. */
export function receiptHint(id: string, now: number): Hint {
  return { kind: 'expand', id, generation: 0, lane: RECEIPTS_LANE, dueAt: now };
}

/**
 * Runs a named piece of work unless it is running; asked while it runs, it runs once more after.
 * Failures are logged: the next round tries again.
 */
function createOnce(log: Log) {
  const running = new Map<string, Promise<void>>();
  const again = new Map<string, () => Promise<void>>();

  async function run(name: string, first: () => Promise<void>): Promise<void> {
    for (let work: typeof first | undefined = first; work !== undefined; work = again.get(name)) {
      again.delete(name);
      try {
        await work();
      } catch (err) {
        log.warn({ err, sweep: name }, 'a sweep failed and is tried again');
      }
    }
    // In the same turn as the last look at `again`, or what is asked in between would be forgotten.
    running.delete(name);
  }

  return function once(name: string, work: () => Promise<void>): Promise<void> {
    const current = running.get(name);
    if (current !== undefined) {
      again.set(name, work);
      return current;
    }
    const started = run(name, work);
    running.set(name, started);
    return started;
  };
}
