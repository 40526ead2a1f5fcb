import type { Cancel, Clock } from '../../ports/clock.ts';
import type { BreakerOptions } from '../../ports/circuit-breakers.ts';

/** The service's own trials of what a breaker keeps calls from. */
export interface Trials {
  /** Goes on trying until it is stopped; asked again meanwhile, nothing changes. */
  start(): void;
  stop(): void;
  isRunning(): boolean;
}

/** No trial begins before the one before it has ended. `began` is told of each. */
export function createTrials(deps: {
  trial: BreakerOptions['trial'];
  clock: Clock;
  began: () => void;
  succeeded: () => void;
  failed: (error: unknown) => void;
}): Trials {
  const { trial } = deps;
  let running = false;
  let started = false;
  let cancel: Cancel | undefined;

  async function run(work: () => Promise<unknown>): Promise<void> {
    running = true;
    deps.began();
    const failure = await work().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    running = false;
    if (!started) return; // closed meanwhile, by a call or for good
    if (failure === undefined) {
      deps.succeeded();
    } else {
      deps.failed(failure.error);
      schedule();
    }
  }

  function schedule(): void {
    if (trial === undefined) return;
    cancel = deps.clock.after(trial.everyMs, () => void run(() => trial.run()));
  }

  return {
    start() {
      if (started) return;
      started = true;
      if (!running) schedule();
    },
    stop() {
      started = false;
      cancel?.();
    },
    isRunning: () => running,
  };
}
