import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Asks at a rate while the work goes on, whatever is answered. `lagMs` is the longest pause of this
 * process meanwhile, which is in the time of an answer though the service has no part in it.
 */
export async function askedDuring<T>(
  { everyMs, ask }: { everyMs: number; ask: (count: number) => Promise<T> },
  work: () => Promise<void>,
): Promise<{ answers: readonly T[]; lagMs: number }> {
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const answers: Promise<T>[] = [];
  const timer = setInterval(() => answers.push(ask(answers.length)), everyMs);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  const all = await Promise.all(answers);
  lag.disable();
  return { answers: all, lagMs: lag.max / 1e6 };
}
