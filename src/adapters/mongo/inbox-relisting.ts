import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

/**
 * Lists the backlog anew, one listing at a time; gives how to stop that. For `everyMs` at most the
 * figures miss what other instances have done.
 */
export function startRelisting({
  relist,
  everyMs,
  clock,
  log,
}: {
  relist: () => Promise<void>;
  /** Asked after each listing. */
  everyMs: () => number;
  clock: Clock;
  log: Log;
}): () => Promise<void> {
  let stopped = false;
  let running = Promise.resolve();
  let cancel = clock.after(everyMs(), again);

  function again(): void {
    running = relist()
      .catch((err: unknown) => log.warn({ err }, 'the backlog is not counted anew'))
      .finally(() => {
        if (!stopped) cancel = clock.after(everyMs(), again);
      });
  }

  return async function stop() {
    stopped = true;
    cancel();
    await running;
  };
}
