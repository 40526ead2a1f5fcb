/**
 * Whether less than `limitMs` have passed from `since` to `now`. What lies in the future was written
 * before the clock was set back: how long ago that is nobody knows, and it does not count as recent.
 */
export function isWithin(since: number, now: number, limitMs: number): boolean {
  return now >= since && now - since < limitMs;
}

/** Clocks differ by less, one from another and one from itself before it is put right. */
export const CLOCK_ERROR_MS = 60_000;

/** Whether a clock that has shown `latest` was set back; by less it makes wait for a moment only. */
export function wasSetBack(latest: number, now: number): boolean {
  return now < latest - CLOCK_ERROR_MS;
}
