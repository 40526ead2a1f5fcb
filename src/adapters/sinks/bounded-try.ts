import type { Clock } from '../../ports/clock.ts';
import type { SinkAnswer } from '../../ports/notification-sink.ts';
import { failedTry, STORED } from './sink-answer.ts';

/** What ends a try that its client would not end. */
export interface TryBounds {
  readonly clock: Clock;
  /** For the whole try. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Stores an event by a client that can neither be aborted nor bounded as a whole. Ends when that is
 * done or has failed, with the time limit or with the signal, whichever is first; what was begun
 * may still happen afterwards. `judge` says what a failure means.
 */
export function boundedTry(
  store: () => Promise<unknown>,
  judge: (error: unknown) => SinkAnswer,
  { clock, timeoutMs, signal }: TryBounds,
): Promise<SinkAnswer> {
  if (signal.aborted) return Promise.resolve({ outcome: 'aborted' });
  const { promise, resolve } = Promise.withResolvers<SinkAnswer>();
  const onAbort = () => resolve({ outcome: 'aborted' });
  signal.addEventListener('abort', onAbort);
  const stopTimer = clock.after(timeoutMs, () => resolve(failedTry('timeout')));
  void store().then(
    () => resolve(STORED),
    (error: unknown) => resolve(judge(error)),
  );
  return promise.finally(() => {
    stopTimer();
    signal.removeEventListener('abort', onAbort);
  });
}
