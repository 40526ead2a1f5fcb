/**
 * Counts hits on a key inside a fixed window. The store only counts; whether a count is too
 * many is the limiter's decision, made against its quota.
 *
 * Units: durations are milliseconds and their names end in `Ms`.
 * Bounds: memory is bounded, for each policy (the part of a key before its first `:`) apart. When a
 * policy's room is full, its new keys share one overflow window: forgetting a count would let a
 * flood of made-up keys reset the ones that matter, and refusing would let it lock everybody out.
 * Errors: rejects with `StoreUnavailableError` when it cannot answer within its time limit. It
 * never answers zero instead; each caller decides whether to let the request through.
 */
export interface RateStore {
  /**
   * Adds `cost` hits (1 when it is not given). The first hit opens the window and later hits do
   * not extend it. Atomic: concurrent callers never see the same `hits` twice.
   */
  hit(key: string, windowMs: number, cost?: number): Promise<RateWindow>;

  /** Takes back the hits that gave this ticket, in its window and store only; later it does nothing. */
  undo(ticket: RateTicket): Promise<void>;

  /**
   * The window of a key as it stands, no hit added; `undefined` when it has none of its own that is
   * open. What others did in an overflow window is not said of a key that only came late.
   */
  read(key: string): Promise<Omit<RateWindow, 'ticket'> | undefined>;

  /** Forgets a key. Clearing a key that was never hit is not an error. */
  clear(key: string): Promise<void>;
}

export interface RateWindow {
  /** Hits so far in this window, counting those just made; at least 1. */
  readonly hits: number;
  /** Time until the window ends; above 0 and at most the window's length. */
  readonly resetsInMs: number;
  /** Counted by one instance for itself, because the shared store was away. */
  readonly degraded: boolean;
  readonly ticket: RateTicket;
}

/** Proof of hits that were counted; means something only to the store that gave it. */
export interface RateTicket {
  readonly key: string;
  readonly windowId: string;
  readonly cost: number;
  /** Which of several stores counted. */
  readonly degraded: boolean;
}
