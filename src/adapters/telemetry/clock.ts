import type { Clock } from '../../ports/clock.ts';

/** The system's time and timers. Timers are unreferenced: waiting is no reason to live on. */
export const systemClock: Clock = {
  now: () => Date.now(),

  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
