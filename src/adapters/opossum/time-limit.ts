import { StoreUnavailableError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';

export interface TimeLimit {
  readonly clock: Clock;
  readonly ms: number;
  /** For the log. */
  readonly store: string;
  /** Told when it has passed. */
  readonly passed: () => void;
}

/** Rejects with `StoreUnavailableError` when the work has not ended in time; it may end later. */
export function limited<T>(work: () => Promise<T>, limit: TimeLimit): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = work();
    const cancel = limit.clock.after(limit.ms, () => {
      limit.passed();
      reject(new StoreUnavailableError(limit.store, new Error(`no end within ${limit.ms} ms`)));
    });
    void ended.then(resolve, reject).finally(cancel);
  });
}
