import { StoreUnavailableError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';

export interface TimeLimit {
  readonly clock: Clock;
  readonly ms: number;
  /** For the log. */
  readonly store: string;
  /** Told when it has passed. */
  readonly passed?: () => void;
}

/** Rejects with `StoreUnavailableError` when the work has not ended in time; it may end later. */
export function within<T>(limit: TimeLimit, work: Promise<T>): Promise<T> {
  const { clock, ms, store } = limit;
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      limit.passed?.();
      reject(new StoreUnavailableError(store, new Error(`no answer within ${ms} ms`)));
    });
    void work.then(resolve, reject).finally(cancel);
  });
}
