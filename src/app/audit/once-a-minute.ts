import type { Clock } from '../../ports/clock.ts';

const MINUTE_MS = 60_000;
// Beyond so many different ones in a minute they share one entry.
const MAX_KEYS = 1000;

/**
 * Tells whether something is met for the first time in this minute, so that nobody can write the
 * audit full by doing it again and again. Beyond 1,000 different keys what is met is `full`, and `key`
 * says under what it is kept then.
 */
export function createOnceAMinute(clock: Clock) {
  let minute = 0;
  let met = new Set<string>();

  return function isFirst(key: (full: boolean) => string): boolean {
    const now = Math.floor(clock.now() / MINUTE_MS);
    if (now !== minute) [minute, met] = [now, new Set()];
    const name = key(met.size >= MAX_KEYS);
    if (met.has(name)) return false;
    met.add(name);
    return true;
  };
}
