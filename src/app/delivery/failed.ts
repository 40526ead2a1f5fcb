import type { EndedTry } from '../../ports/notification-sink.ts';

/** A try that had no answer; it comes again by the schedule. */
export function failed(reason: string): EndedTry {
  return { outcome: 'retry', reason, status: null, retryAfterMs: null, body: '' };
}
