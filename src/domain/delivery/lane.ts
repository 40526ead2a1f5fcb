import {
  breakerBegan,
  breakerFailed,
  breakerForgiven,
  breakerWaitMs,
  CLOSED_BREAKER,
} from './breaker.ts';
import type { Breaker } from './breaker.ts';

const WINDOW_MS = 1000;

/** What one instance knows of a sink's lane. A value; the functions give the next one. */
export interface Lane {
  readonly breaker: Breaker;
  /** The second that the first try after the last window opened, and the tries begun in it. */
  readonly window: { readonly openedAt: number; readonly begun: number };
}

/** How much of a lane a sink allows, for an instance; see `Sink`. */
export interface LaneQuota {
  readonly concurrency: number;
  readonly ratePerSecond: number | null;
}

/** The lane of a sink that nothing has been sent to. */
export const IDLE_LANE: Lane = { breaker: CLOSED_BREAKER, window: { openedAt: 0, begun: 0 } };

/**
 * How many tries may be under way now, and for how many milliseconds none may begin. While the
 * breaker is not closed that is one, the probe: should the probe vanish without an end, another
 * one may take its place.
 */
export function laneLimit(
  lane: Lane,
  quota: LaneQuota,
  now: number,
): { readonly concurrency: number; readonly waitMs: number } {
  return {
    concurrency: lane.breaker.state === 'closed' ? quota.concurrency : 1,
    waitMs: Math.max(
      breakerWaitMs(lane.breaker, now),
      rateWaitMs(lane, quota.ratePerSecond ?? Infinity, now),
    ),
  };
}

/** A try begins: it counts against the rate, and may be the breaker's probe. */
export function laneBegan(lane: Lane, now: number): Lane {
  const { openedAt, begun } = lane.window;
  return {
    breaker: breakerBegan(lane.breaker, now),
    window: isCurrent(lane, now) ? { openedAt, begun: begun + 1 } : { openedAt: now, begun: 1 },
  };
}

/**
 * A try ended. One that the sink refused for good counts as a success here: the sink answers. Of
 * one that was aborted nothing is to be said.
 */
export function laneEnded(lane: Lane, succeeded: boolean, now: number): Lane {
  return { ...lane, breaker: succeeded ? CLOSED_BREAKER : breakerFailed(lane.breaker, now) };
}

/** The sink is said to answer again: its probe may begin at once. What was begun still counts. */
export function laneForgiven(lane: Lane): Lane {
  return { ...lane, breaker: breakerForgiven(lane.breaker) };
}

/** Whether nothing may begin because the sink keeps failing. Sweeps leave out such lanes. */
export function laneOpen(lane: Lane, now: number): boolean {
  return breakerWaitMs(lane.breaker, now) > 0;
}

function rateWaitMs(lane: Lane, ratePerSecond: number, now: number): number {
  if (!isCurrent(lane, now) || lane.window.begun < ratePerSecond) return 0;
  return lane.window.openedAt + WINDOW_MS - now;
}

/** A window of a time to come is of a clock that was set back, and over. */
function isCurrent({ window }: Lane, now: number): boolean {
  return now >= window.openedAt && now < window.openedAt + WINDOW_MS;
}
