import { createMemoryJobQueue } from '../../src/adapters/memory/job-queue.ts';
import type { Hint, Worker } from '../../src/ports/job-queue.ts';
import type { LogFields } from '../../src/ports/log.ts';
import { TurnedClock } from './clock.ts';

/** A turned clock that tells how many timers are set, and the longest that was. */
export class CountingClock extends TurnedClock {
  timers = 0;
  longestMs = 0;

  override after(ms: number, run: () => void): () => void {
    this.timers += 1;
    this.longestMs = Math.max(this.longestMs, ms);
    let set = true;
    const unset = () => {
      if (set) this.timers -= 1;
      set = false;
    };
    const cancel = super.after(ms, () => {
      unset();
      run();
    });
    return () => {
      unset();
      cancel();
    };
  }
}

export const quiet = () => undefined;

/** A memory queue on a turned clock, and what makes hints for it. */
export function setUpMemoryQueue(bounds: { maxPerLane?: number; maxInAll?: number } = {}) {
  const clock = new CountingClock();
  const errors: LogFields[] = [];
  const log = { debug: quiet, info: quiet, warn: quiet, error: (f: LogFields) => errors.push(f) };
  const queue = createMemoryJobQueue({ clock, log, ...bounds });
  const hint = (id: number | string, more: Partial<Hint> = {}): Hint => ({
    kind: 'deliver',
    id: String(id),
    generation: 0,
    lane: 'a',
    dueAt: clock.now(),
    ...more,
  });
  const hints = (count: number, more: Partial<Hint> = {}) =>
    Array.from({ length: count }, (_, at) => hint(at, more));
  return { clock, queue, errors, hint, hints };
}

/** A worker that is done at once, but for what is given. */
export function workerOf(worker: Partial<Worker>): Worker {
  return {
    handle: async () => undefined,
    lane: () => ({ concurrency: 20, waitMs: 0 }),
    drained: () => undefined,
    ...worker,
  };
}
