import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

/** Notes that Redis did not do what was asked of it. */
export type Trouble = (err: unknown, message: string) => void;

const EVERY_MS = 10_000;

/** Logs the first trouble of each 10 s, with how many went before it unlogged. */
export function createTrouble(deps: { clock: Clock; log: Log }): Trouble {
  let loggedAt: number | undefined;
  let unlogged = 0;

  return function trouble(err, message) {
    const now = deps.clock.now();
    // A time to come is of a clock that was set back, and says nothing.
    if (loggedAt !== undefined && now >= loggedAt && now < loggedAt + EVERY_MS) {
      unlogged += 1;
      return;
    }
    deps.log.warn({ err, unlogged }, message);
    loggedAt = now;
    unlogged = 0;
  };
}
