import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

// For so long at most the figures miss what other instances have done.
const EVERY_MS = 5000;

/** Lists the backlog anew every 5 s, one listing at a time; gives how to stop that. */
export function startRelisting({
  relist,
  clock,
  log,
}: {
  relist: () => Promise<void>;
  clock: Clock;
  log: Log;
}): () => Promise<void> {
  let stopped = false;
  let running = Promise.resolve();
  let cancel = clock.after(EVERY_MS, again);

  function again(): void {
    running = relist()
      .catch((err: unknown) => log.warn({ err }, 'the backlog is not counted anew'))
      .finally(() => {
        if (!stopped) cancel = clock.after(EVERY_MS, again);
      });
  }

  return async function stop() {
    stopped = true;
    cancel();
    await running;
  };
}
