import type { Log } from '../../ports/log.ts';

export interface AuditBuffer<T> {
  /** `true` once the row is durable, `false` when it was lost. */
  add(row: T): Promise<boolean>;
  /** Resolves when nothing waits any more. */
  flush(): Promise<void>;
}

interface Waiting<T> {
  readonly row: T;
  readonly settle: (durable: boolean) => void;
  readonly failedBefore: boolean;
}

const MAX_WAITING = 10_000;
const MAX_BATCH = 500;

/**
 * Appends rows in batches, in their order, one batch at a time. What fails is tried once more and
 * then lost; while as many wait as may, the newest is refused.
 */
export function createAuditBuffer<T>(deps: {
  /** Gives what was refused, by its place; rejects when nothing is known to be durable. */
  append: (rows: readonly T[]) => Promise<ReadonlyMap<number, unknown>>;
  log: Log;
}): AuditBuffer<T> {
  let waiting: Waiting<T>[] = [];
  let appending: Promise<void> | undefined;
  let refused = 0;

  async function appendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      const again = await appendBatch(batch);
      waiting = [...again, ...waiting.slice(batch.length)];
    }
    appending = undefined;
  }

  async function appendBatch(batch: readonly Waiting<T>[]): Promise<Waiting<T>[]> {
    const failures = await deps
      .append(batch.map(({ row }) => row))
      .catch((error: unknown) => new Map(batch.map((_, place) => [place, error])));
    const durable = batch.filter((_, place) => !failures.has(place));
    for (const { settle } of durable) settle(true);
    if (durable.length > 0) refused = 0;
    return failed(
      batch.filter((_, place) => failures.has(place)),
      failures.values().next().value,
    );
  }

  /** What failed for the first time goes again, before what has come since. */
  function failed(batch: readonly Waiting<T>[], err: unknown): Waiting<T>[] {
    const lost = batch.filter(({ failedBefore }) => failedBefore);
    for (const { settle } of lost) settle(false);
    if (lost.length > 0) deps.log.error({ err, entries: lost.length }, 'audit entries were lost');
    return batch
      .filter(({ failedBefore }) => !failedBefore)
      .map((entry) => ({ ...entry, failedBefore: true }));
  }

  function refuse(): Promise<boolean> {
    refused += 1;
    if (refused === 1) deps.log.error({ waiting: waiting.length }, 'audit entries are refused');
    return Promise.resolve(false);
  }

  return {
    add(row) {
      if (waiting.length >= MAX_WAITING) return refuse();
      return new Promise((settle) => {
        waiting.push({ row, settle, failedBefore: false });
        appending ??= appendAll();
      });
    },

    async flush() {
      await appending;
    },
  };
}
