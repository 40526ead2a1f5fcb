import type { Clock } from '../../ports/clock.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
// Beyond so many different ones in a minute they share one entry: that bounds the rate.
const OWN_A_MINUTE = 1000;
// And beyond so many in a day (UTC): entries are kept for a year, and the disk has to hold them all.
const OWN_A_DAY = 5000;

/** Under which key something is kept that is met for the first time in a minute. */
export type FirstMet = 'own' | 'shared' | undefined;

/**
 * Tells whether something is met for the first time in this minute, so that nobody can write the
 * audit full by doing it again and again. Beyond 1,000 different keys in a minute, or 5,000 in a day,
 * it is looked for under `shared`.
 */
export function createOnceAMinute(clock: Clock) {
  let minute = 0;
  let day = 0;
  let ownToday = 0;
  let met = new Set<string>();

  function turnTo(now: number): void {
    const [thisMinute, today] = [Math.floor(now / MINUTE_MS), Math.floor(now / DAY_MS)];
    if (thisMinute !== minute) [minute, met] = [thisMinute, new Set()];
    if (today !== day) [day, ownToday] = [today, 0];
  }

  return function meet(own: string, shared: string): FirstMet {
    turnTo(clock.now());
    if (met.has(own)) return undefined;
    const kept = met.size < OWN_A_MINUTE && ownToday < OWN_A_DAY ? 'own' : 'shared';
    const key = kept === 'own' ? own : shared;
    if (met.has(key)) return undefined;
    met.add(key);
    if (kept === 'own') ownToday += 1;
    return kept;
  };
}
