import type { SinkAnswer } from '../../ports/notification-sink.ts';
import { BoundedBody } from './bounded-body.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Why a try ended without a status. */
export type Failure =
  | 'address-refused'
  | 'bad-target'
  | 'connection'
  | 'dns'
  | 'not-configured'
  | 'protocol'
  | 'timeout'
  | 'tls';

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | readonly string[] | undefined;
  readonly body: string;
}

// Request Timeout, Too Early, Too Many Requests: the client errors that time cures.
const TIME_CURES = new Set([408, 425, 429]);

/** What a status means for the delivery. */
export function judgeStatus({ status, retryAfter, body }: HttpAnswer, now: number): SinkAnswer {
  if (status >= 200 && status < 300) return { outcome: 'delivered', status, body };
  const reason = `http-${status}`;
  if (TIME_CURES.has(status) || (status >= 500 && status < 600)) {
    const retryAfterMs = parseRetryAfter(retryAfter, now);
    return { outcome: 'retry', reason, status, retryAfterMs, body };
  }
  return { outcome: 'dead', reason, gone: status === 410, status, body };
}

/** A try that ended without a status: it may go better later. */
export function failedTry(reason: Failure): SinkAnswer {
  return { outcome: 'retry', reason, status: null, retryAfterMs: null, body: '' };
}

/** A database took the event. */
export const STORED: SinkAnswer = { outcome: 'delivered', status: null, body: '' };

/** A database understood and refused; `said` is its answer, of any length. */
export function refusedTry(
  outcome: 'retry' | 'dead',
  reason: `redis-${string}` | `mongo-${string}`,
  said: string,
): SinkAnswer {
  const kept = new BoundedBody();
  kept.push(Buffer.from(said));
  const answer = { reason, status: null, body: kept.text() };
  return outcome === 'retry'
    ? { ...answer, outcome, retryAfterMs: null }
    : { ...answer, outcome, gone: false };
}
