import { UnavailableError } from '../domain/errors.ts';
import type { Cancel, Clock } from '../ports/clock.ts';

/** Rejects with `UnavailableError` at `deadline` (epoch ms) if the work has not ended by then. */
export async function within<T>(clock: Clock, deadline: number, work: Promise<T>): Promise<T> {
  let cancel: Cancel | undefined;
  const passed = new Promise<never>((_, reject) => {
    cancel = clock.after(Math.max(0, deadline - clock.now()), () =>
      reject(new UnavailableError('No answer in time; nothing was acknowledged')),
    );
  });
  try {
    return await Promise.race([work, passed]);
  } finally {
    cancel?.();
  }
}
