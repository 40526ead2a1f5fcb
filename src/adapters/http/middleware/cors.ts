import koaCors from '@koa/cors';
import type { Middleware } from 'koa';
import { RATE_HEADERS } from './rate-headers.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'];
const REQUEST_HEADERS = ['Content-Type', 'X-API-Key', 'X-Organization-Id'];
const MAX_AGE_SECONDS = 600;

/**
 * Lets the pages of these origins call the API, with credentials, and those of no other: an origin is
 * compared as a whole (Fetch Standard §3.2.5). Answers differ by it, which `Vary` tells caches.
 */
export function cors(origins: readonly string[]): Middleware {
  return koaCors({
    origin: (ctx) => {
      const origin = ctx.get('Origin');
      return origins.includes(origin) ? origin : '';
    },
    credentials: true,
    allowMethods: METHODS,
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: ['X-Request-Id', 'Retry-After', ...RATE_HEADERS],
    maxAge: MAX_AGE_SECONDS,
    keepHeadersOnError: false, // they stay anyway: errors are answered by us
  });
}
