import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

export interface AuditBuffer<T> {
  /** `true` once the row is durable; `false` when the store is away, for which it waits, or it was refused. */
  add(row: T): Promise<boolean>;
  /** Resolves when nothing waits any more; a store that is away is tried twice and not waited for. */
  flush(): Promise<void>;
}

interface Waiting<T> {
  readonly row: T;
  readonly settle: (durable: boolean) => void;
  readonly addedAt: number;
}

const MAX_WAITING = 10_000;
const MAX_BATCH = 500;
// After the first, second … try in a row that failed: at once for a connection that broke, then with
// the patience that the election of a primary takes.
const PAUSES_MS = [0, 1000, 2000];
const LAST_PAUSE_MS = 5000;
const KEPT_MS = 300_000;

/**
 * Appends rows in batches, in their order, one batch at a time. What fails is tried again and again,
 * for five minutes, and then lost; while as many wait as may, the newest is refused. Those who asked
 * do not wait for that: they are told before the first pause.
 */
export function createAuditBuffer<T>(deps: {
  /** Gives what was refused, by its place; rejects when nothing is known to be durable. */
  append: (rows: readonly T[]) => Promise<ReadonlyMap<number, unknown>>;
  clock: Clock;
  log: Log;
}): AuditBuffer<T> {
  const { clock, log } = deps;
  let waiting: Waiting<T>[] = [];
  let appending: Promise<void> | undefined;
  let endPause: (() => void) | undefined;
  let isAsked = false;
  let flushing = false;
  let triesInVain = 0;
  let refused = 0;

  async function appendAll(): Promise<void> {
    while (waiting.length > 0) {
      const known = waiting.length;
      isAsked = false;
      const batch = waiting.slice(0, MAX_BATCH);
      const failures = await appendBatch(batch);
      const failed = batch.filter((_, place) => failures.has(place));
      waiting = [...failed, ...waiting.slice(batch.length)];
      if (failed.length < batch.length) triesInVain = 0;
      else await triedInVain(known, failures.values().next().value);
    }
    appending = undefined;
  }

  async function appendBatch(batch: readonly Waiting<T>[]): Promise<ReadonlyMap<number, unknown>> {
    const failures = await deps
      .append(batch.map(({ row }) => row))
      .catch((error: unknown) => new Map(batch.map((_, place) => [place, error])));
    const durable = batch.filter((_, place) => !failures.has(place));
    for (const { settle } of durable) settle(true);
    if (durable.length > 0) refused = 0;
    return failures;
  }

  /** `known`: how many of those who wait have waited since before it. */
  async function triedInVain(known: number, err: unknown): Promise<void> {
    triesInVain += 1;
    const pauseMs = PAUSES_MS[triesInVain - 1] ?? LAST_PAUSE_MS;
    if (pauseMs === 0) return;
    for (const { settle } of waiting.slice(0, known)) settle(false);
    lose(flushing ? waiting : waiting.filter(isOld), err);
    if (waiting.length === 0) return;
    if (triesInVain === 2) log.warn({ err, waiting: waiting.length }, 'audit entries wait');
    await pause(pauseMs);
  }

  function isOld({ addedAt }: Waiting<T>): boolean {
    return clock.now() - addedAt >= KEPT_MS;
  }

  function lose(entries: readonly Waiting<T>[], err: unknown): void {
    if (entries.length === 0) return;
    const lost = new Set(entries);
    waiting = waiting.filter((entry) => !lost.has(entry));
    for (const { settle } of lost) settle(false);
    log.error({ err, entries: lost.size }, 'audit entries were lost');
  }

  async function pause(ms: number): Promise<void> {
    if (isAsked) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(ms, resolve);
    endPause = resolve;
    await promise;
    cancel();
  }

  /** Whoever asks may wait for the answer, and what he did shows that the store may be back. */
  function askNow(): void {
    isAsked = true;
    endPause?.();
  }

  function refuse(): Promise<boolean> {
    refused += 1;
    if (refused === 1) log.error({ waiting: waiting.length }, 'audit entries are refused');
    return Promise.resolve(false);
  }

  return {
    add(row) {
      if (waiting.length >= MAX_WAITING) return refuse();
      return new Promise((settle) => {
        waiting.push({ row, settle, addedAt: clock.now() });
        askNow();
        appending ??= appendAll();
      });
    },

    async flush() {
      flushing = true;
      triesInVain = 0;
      askNow();
      await appending;
      flushing = false;
    },
  };
}
