import type { Sink } from './sink.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const DISABLE_AFTER_MS = 5 * DAY_MS;
// Failures that are further apart say nothing about the time between them. A delivery that fails is
// tried again within a day, so there are two of them in this time.
const MAX_BETWEEN_MS = 2 * DAY_MS;

export type SinkVerdict =
  | { readonly action: 'nothing' }
  | { readonly action: 'failing-since'; readonly at: number | null }
  | { readonly action: 'disable'; readonly reason: 'gone' | 'failing-for-5-days' };

/** What is known of a sink before a try ended. */
export interface KnownHealth extends Pick<Sink, 'enabled' | 'failingSince'> {
  /** The last failure that this instance has seen; `undefined` when it has seen none. */
  readonly lastFailedAt: number | undefined;
}

/**
 * What a try that ended means for its sink. 410 Gone says that it does not want to be called again
 * (Standard Webhooks, "deliverability"); five days of nothing but failures say the same. One that
 * refuses an event answers: it is not failing, as it is not for its breaker.
 */
export function verdictOnSink(
  { enabled, failingSince, lastFailedAt }: KnownHealth,
  answer: { readonly outcome: 'delivered' | 'retry' | 'dead'; readonly gone?: boolean },
  now: number,
): SinkVerdict {
  if (!enabled) return { action: 'nothing' };
  if (answer.gone === true) return { action: 'disable', reason: 'gone' };
  if (answer.outcome !== 'retry') {
    return failingSince === null ? { action: 'nothing' } : { action: 'failing-since', at: null };
  }
  if (failingSince === null) return { action: 'failing-since', at: now };
  // After a start: the next failure can tell.
  if (lastFailedAt === undefined) return { action: 'nothing' };
  if (now - lastFailedAt > MAX_BETWEEN_MS) return { action: 'failing-since', at: now };
  return now - failingSince >= DISABLE_AFTER_MS
    ? { action: 'disable', reason: 'failing-for-5-days' }
    : { action: 'nothing' };
}
