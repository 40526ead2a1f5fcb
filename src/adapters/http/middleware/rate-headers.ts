import type { Context } from 'koa';
import type { Quota } from '../../../domain/limits/quota.ts';

/** Their names, for whoever may see them. */
export const RATE_HEADERS = [
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'RateLimit-Policy',
  'RateLimit',
] as const;

/**
 * Tells a client where it stands, in the words of three generations: the X- headers that most
 * libraries read (reset in epoch seconds), the early drafts' (reset in seconds left), and the
 * structured fields of draft-ietf-httpapi-ratelimit-headers since its version 09.
 */
export function setRateHeaders(ctx: Pick<Context, 'set'>, quota: Quota, now: number): void {
  const { policy, limit, remaining, resetsInMs } = quota;
  const secondsLeft = toSeconds(resetsInMs);
  const values: Readonly<Record<(typeof RATE_HEADERS)[number], string>> = {
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(toSeconds(now + resetsInMs)),
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(remaining),
    'RateLimit-Reset': String(secondsLeft),
    'RateLimit-Policy': `"${policy.name}";q=${limit};w=${toSeconds(policy.windowMs)}`,
    RateLimit: `"${policy.name}";r=${remaining};t=${secondsLeft}`,
  };
  ctx.set(values);
}

/** Up, because who comes back at the second that was named must find the window ended. */
function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
