import type { Clock } from '../../ports/clock.ts';

const MINUTE_MS = 60_000;
// Beyond so many different ones in a minute they share one entry.
const MAX_KEYS = 1000;

/** Under which key something is kept that is met for the first time in a minute. */
export type FirstMet = 'own' | 'shared' | undefined;

/**
 * Tells whether something is met for the first time in this minute, so that nobody can write the
 * audit full by doing it again and again. Beyond 1,000 different keys it is looked for under `shared`.
 */
export function createOnceAMinute(clock: Clock) {
  let minute = 0;
  let met = new Set<string>();

  return function meet(own: string, shared: string): FirstMet {
    const now = Math.floor(clock.now() / MINUTE_MS);
    if (now !== minute) [minute, met] = [now, new Set()];
    const kept = met.size >= MAX_KEYS ? 'shared' : 'own';
    const key = kept === 'own' ? own : shared;
    if (met.has(key)) return undefined;
    met.add(key);
    return kept;
  };
}
