const FAILURES_TO_OPEN = 5;
const FIRST_WAIT_MS = 30_000;
const MAX_WAIT_MS = 300_000;

/**
 * Stops calling what keeps failing: opens after 5 failures in a row, lets one probe through after
 * 30 s, and waits twice as long, up to 5 min, after each probe that fails. A value; the functions
 * give the next one.
 */
export type Breaker =
  | { readonly state: 'closed'; readonly failures: number }
  | { readonly state: 'open'; readonly openedAt: number; readonly waitMs: number }
  /** The probe is under way; `waitMs` is how long it had been waited for. */
  | { readonly state: 'half-open'; readonly waitMs: number };

/** Before the first call, and after each one that succeeded, whenever that began. */
export const CLOSED_BREAKER: Breaker = { state: 'closed', failures: 0 };

/** Time until the probe may begin; 0 when nothing has to wait. */
export function breakerWaitMs(breaker: Breaker, now: number): number {
  if (breaker.state !== 'open') return 0;
  // A clock that was set back must not keep it open for as long as it was set back.
  if (now < breaker.openedAt) return 0;
  return Math.max(0, breaker.openedAt + breaker.waitMs - now);
}

/** A call begins: the first one after the wait is the probe. */
export function breakerBegan(breaker: Breaker, now: number): Breaker {
  if (breaker.state !== 'open' || breakerWaitMs(breaker, now) > 0) return breaker;
  return { state: 'half-open', waitMs: breaker.waitMs };
}

/**
 * Somebody says that it answers again: the probe finds out, and need not wait. Not closed by hearsay,
 * or a caller whose own way to it is broken would fail as often as others succeed.
 */
export function breakerForgiven(breaker: Breaker): Breaker {
  if (breaker.state === 'closed') return CLOSED_BREAKER;
  return { state: 'half-open', waitMs: breaker.waitMs };
}

/** A call failed. Failures while it is open are of calls that began before, and change nothing. */
export function breakerFailed(breaker: Breaker, now: number): Breaker {
  if (breaker.state === 'open') return breaker;
  if (breaker.state === 'half-open') {
    return { state: 'open', openedAt: now, waitMs: Math.min(2 * breaker.waitMs, MAX_WAIT_MS) };
  }
  const failures = breaker.failures + 1;
  if (failures < FAILURES_TO_OPEN) return { state: 'closed', failures };
  return { state: 'open', openedAt: now, waitMs: FIRST_WAIT_MS };
}
