/**
 * `closed`: calls are made. `open`: they are refused at once. `half-open`: it is being found out
 * whether they may be made again.
 */
export type BreakerStatus = 'closed' | 'half-open' | 'open';

/** Calls of the rolling window. */
export interface BreakerStats {
  /** Calls that were wanted, refused ones included. */
  readonly fires: number;
  /** Calls that had an answer, whatever it was. */
  readonly successes: number;
  readonly failures: number;
  /** Refused because the breaker was open. */
  readonly rejects: number;
  /** Failures by the breaker's own time limit; those of a store's limits are failures like others. */
  readonly timeouts: number;
}

export interface BreakerReport {
  readonly status: BreakerStatus;
  readonly stats: BreakerStats;
}

/** How one breaker differs from what is configured. Durations in milliseconds. */
export interface BreakerOptions {
  /** From its opening to the call that is let through to find out. */
  readonly resetTimeoutMs?: number | undefined;
  /** Time limit of a call, where it is more than the configured one: that of a store's own calls. */
  readonly timeoutMs?: number | undefined;
  /** Calls in the window below which it never opens. */
  readonly volumeThreshold?: number | undefined;
  /** What a share of failures is taken of: so long, forgotten in so many parts. */
  readonly window?: { readonly ms: number; readonly buckets: number } | undefined;
  /**
   * How the service itself finds out, at no caller's cost and without waiting for one: every
   * `everyMs` while the breaker is open, which closes when `run` resolves. A trial takes only as long
   * as `run` lets it, so that has to be bounded.
   */
  readonly trial?: { readonly everyMs: number; run(): Promise<unknown> } | undefined;
  /** Told of opening, with what opened it, and of closing; not of trials in between. */
  readonly turned?: ((to: 'open' | 'closed', cause: unknown) => void) | undefined;
}

/**
 * Leaves alone what has failed too often, so that nobody waits for it and it can recover.
 *
 * Only `StoreUnavailableError` is a failure. Every other error (missing, a conflict, overload) is
 * the answer of something that works.
 */
export interface CircuitBreaker {
  readonly status: BreakerStatus;

  /**
   * Does the work and gives its result. Rejects with a `StoreUnavailableError` at once, the work not
   * begun, while the breaker is open, its `retryAfterMs` being the time until it is tried again (1000
   * at least); and when the work has no end within the time limit, after which it may still happen.
   * With breakers switched off nothing but the time limit is left.
   */
  call<T>(work: () => Promise<T>): Promise<T>;

  /** Ends its timers; calls that come later are made. */
  close(): void;
}

/** All breakers of the service. Their changes are logged, their state and failures are metrics. */
export interface CircuitBreakers {
  /** Names are unique; part of the health answers and of the metrics. */
  create(name: string, options?: BreakerOptions): CircuitBreaker;

  list(): ReadonlyMap<string, BreakerReport>;

  /** Closes each of them. */
  close(): void;
}
