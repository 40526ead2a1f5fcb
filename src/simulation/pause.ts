import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, or until the signal is aborted: whoever waits looks at that next. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
