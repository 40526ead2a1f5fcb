import type { Sink } from './sink.ts';

const DISABLE_AFTER_MS = 5 * 24 * 60 * 60 * 1000;

export type SinkVerdict =
  | { readonly action: 'nothing' }
  | { readonly action: 'failing-since'; readonly at: number | null }
  | { readonly action: 'disable'; readonly reason: 'gone' | 'failing-for-5-days' };

/**
 * What a try that ended means for its sink. 410 Gone says that it does not want to be called again
 * (Standard Webhooks, "deliverability"); five days of nothing but failures say the same.
 */
export function verdictOnSink(
  sink: Pick<Sink, 'enabled' | 'failingSince'>,
  answer: { readonly outcome: 'delivered' | 'retry' | 'dead'; readonly gone?: boolean },
  now: number,
): SinkVerdict {
  if (!sink.enabled) return { action: 'nothing' };
  if (answer.gone === true) return { action: 'disable', reason: 'gone' };
  // One that refuses an event answers, and says nothing about the next one.
  if (answer.outcome === 'dead') return { action: 'nothing' };
  if (answer.outcome === 'delivered') {
    return sink.failingSince === null
      ? { action: 'nothing' }
      : { action: 'failing-since', at: null };
  }
  if (sink.failingSince === null) return { action: 'failing-since', at: now };
  return now - sink.failingSince >= DISABLE_AFTER_MS
    ? { action: 'disable', reason: 'failing-for-5-days' }
    : { action: 'nothing' };
}
