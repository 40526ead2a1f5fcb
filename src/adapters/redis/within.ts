import { StoreUnavailableError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';

/** Rejects with `StoreUnavailableError` when the work has not ended after `ms`; it may end later. */
export function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      reject(new StoreUnavailableError('redis', new Error(`no answer within ${ms} ms`)));
    });
    void work.then(resolve, reject).finally(cancel);
  });
}
