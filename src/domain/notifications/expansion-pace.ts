/** What intake is doing now. */
export interface IntakeLoad {
  /** POSTs that wait for their answer. */
  readonly postsInFlight: number;
  /** How long the oldest receipt has been waiting to be expanded; 0 when none does. */
  readonly backlogAgeMs: number;
}

// Receipts expand side by side, so that their writes share commits.
const AT_ONCE = 64;
const BUSY_POSTS = 6;
const YIELD_MS = 20;
// A burst is mostly over by then; what lasts longer is load, and has to be kept up with.
const MAX_YIELD_MS = 3000;
const AT_ONCE_UNDER_LOAD = 16;

/**
 * How many receipts may be expanded now. While many POSTs wait for their answers expansion stands
 * back for a moment: Graph counts milliseconds, sinks do not.
 */
export function expansionLimit({ postsInFlight, backlogAgeMs }: IntakeLoad): {
  readonly concurrency: number;
  readonly waitMs: number;
} {
  if (postsInFlight < BUSY_POSTS) return { concurrency: AT_ONCE, waitMs: 0 };
  if (backlogAgeMs < MAX_YIELD_MS) return { concurrency: AT_ONCE, waitMs: YIELD_MS };
  return { concurrency: AT_ONCE_UNDER_LOAD, waitMs: 0 };
}
