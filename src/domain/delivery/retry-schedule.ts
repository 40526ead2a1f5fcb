const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The wait after each try that failed; after the last one there is none. */
const WAITS_MS: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  1 * HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
];

/** Waits are spread by this share to either side, so that what failed together comes apart. */
const SPREAD = 0.2;

/** No try is put off for longer, whatever its sink asks for. */
export const MAX_RETRY_AFTER_MS = 24 * HOUR;

/** How often a delivery is tried before it is a dead letter; the same again after a redrive. */
export const MAX_TRIES = WAITS_MS.length + 1;

/** How a try ended; `retryAfterMs` is what the sink asked for. `lost`: its holder vanished. */
export interface TryEnd {
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'lost';
  readonly retryAfterMs?: number | null | undefined;
}

/**
 * What becomes of a delivery when a try ends at `now`. `tries` counts those that ended since it
 * was made or redriven, this one included, so at least 1. `jitter` is in [0, 1). A longer
 * `Retry-After` wins over the schedule, up to 24 hours. `dueAt` is whole epoch milliseconds; of
 * `delivered` and `dead` it is `now`.
 */
export function afterTry(
  end: TryEnd,
  now: number,
  tries: number,
  jitter: number,
): { readonly state: 'delivered' | 'due' | 'dead'; readonly dueAt: number } {
  if (end.outcome === 'delivered' || end.outcome === 'dead') {
    return { state: end.outcome, dueAt: now };
  }
  const waitMs = WAITS_MS[tries - 1];
  if (waitMs === undefined) return { state: 'dead', dueAt: now };
  const spreadMs = waitMs * (1 - SPREAD + 2 * SPREAD * jitter);
  const askedMs = Math.min(end.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  return { state: 'due', dueAt: now + Math.round(Math.max(spreadMs, askedMs)) };
}

/**
 * A fraction in [0, 1): spread evenly over deliveries and tries, the same for the same try, so
 * that a try that is written twice gets one time. FNV-1a, 32 bits; no secret depends on it.
 */
export function jitterOf(deliveryId: string, tries: number): number {
  let hash = 0x811c9dc5;
  for (const char of `${tries}:${deliveryId}`) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  return (hash >>> 0) / 2 ** 32;
}
