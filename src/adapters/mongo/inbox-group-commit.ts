import { StoreUnavailableError } from '../../domain/errors.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';

/** What can be written together with others. */
export interface Grouped {
  readonly bytes: number;
}

/** Why each of a batch failed, in its order; `undefined` for those that are durable. */
export type Outcomes = readonly unknown[];

export interface GroupCommit<E extends Grouped> {
  /** Resolves when the entry is durable; rejects with `StoreUnavailableError`, at `deadline` at the latest. */
  append(entry: E, deadline: number): Promise<void>;
  /** Resolves when nothing waits or is being written any more. */
  drained(): Promise<void>;
}

interface Waiting<E> {
  readonly entry: E;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly cancelTimer: Cancel;
}

// Two, so that one that hangs does not hold up those behind it.
const MAX_IN_FLIGHT = 2;
// Bound how long a write takes, and so how long the next ones wait for it. The bytes are those that
// MongoDB takes in one document: what it would refuse goes alone, since the driver then fails the
// whole command. They also are below what fits into one message, beyond which it would make several.
const MAX_BATCH = 512;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/** Writes entries together that come while others are being written; `write` never rejects. */
export function createGroupCommit<E extends Grouped>(deps: {
  clock: Clock;
  write: (batch: readonly E[]) => Promise<Outcomes>;
}): GroupCommit<E> {
  const { clock } = deps;
  const gathered = new Set<Waiting<E>>();
  const inFlight = new Set<Promise<void>>();
  let scheduled = false;

  function append(entry: E, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        gathered.delete(waiting);
        reject(new StoreUnavailableError('mongodb', new Error('not durable by its deadline')));
      };
      const cancelTimer = clock.after(Math.max(0, deadline - clock.now()), giveUp);
      const waiting = { entry, deadline, resolve, reject, cancelTimer };
      gathered.add(waiting);
      scheduleFlush();
    });
  }

  // After the poll phase, not at once: what arrived together goes together.
  function scheduleFlush(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      flush();
    });
  }

  function flush(): void {
    while (inFlight.size < MAX_IN_FLIGHT) {
      const batch = takeBatch();
      if (batch.length === 0) return;
      const writing = send(batch).finally(() => {
        inFlight.delete(writing);
        flush();
      });
      inFlight.add(writing);
    }
  }

  function takeBatch(): Waiting<E>[] {
    const now = clock.now();
    const batch: Waiting<E>[] = [];
    let bytes = 0;
    for (const waiting of gathered) {
      // Its timer rejects it.
      if (waiting.deadline <= now) continue;
      bytes += waiting.entry.bytes;
      if (batch.length > 0 && (batch.length === MAX_BATCH || bytes > MAX_BATCH_BYTES)) break;
      gathered.delete(waiting);
      batch.push(waiting);
    }
    return batch;
  }

  async function send(batch: readonly Waiting<E>[]): Promise<void> {
    const outcomes = await deps.write(batch.map(({ entry }) => entry));
    for (const [index, { cancelTimer, resolve, reject }] of batch.entries()) {
      cancelTimer();
      const failure = outcomes[index];
      if (failure === undefined) resolve();
      else reject(failure);
    }
  }

  return {
    append,

    async drained() {
      flush();
      while (inFlight.size > 0) await Promise.all(inFlight);
    },
  };
}
