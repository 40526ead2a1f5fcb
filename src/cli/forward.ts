import { createHmac } from 'node:crypto';
import type { Secret } from '../domain/secret.ts';

// Below the service's time limit for a try, so that it hears of this one.
const ANSWER_WITHIN_MS = 10_000;
// The service keeps 1 KiB of it.
const MAX_BODY_BYTES = 1000;

/** What the developer's server made of an event; `null` when it did not answer. */
export interface ForwardAnswer {
  readonly status: number | null;
  readonly body: string;
}

/** Posts an event as the service's webhooks are: the same headers, signed as Standard Webhooks say. */
export async function forward(
  to: { readonly url: string; readonly secret: Secret; readonly signal: AbortSignal },
  { deliveryId, event }: { deliveryId: string; event: string },
): Promise<ForwardAnswer> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(to.secret.reveal().replace('whsec_', ''), 'base64');
  const signed = `${deliveryId}.${timestamp}.${event}`;
  const signature = createHmac('sha256', key).update(signed).digest('base64');
  try {
    const response = await fetch(to.url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.any([to.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
      headers: {
        'Content-Type': 'application/cloudevents+json; charset=utf-8',
        'webhook-id': deliveryId,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      },
      body: event,
    });
    const body = Buffer.from(await response.arrayBuffer()).subarray(0, MAX_BODY_BYTES);
    return { status: response.status, body: body.toString('utf8') };
  } catch {
    return { status: null, body: '' }; // not there, or too slow: told as such, and tried again
  }
}
