import type { Middleware } from 'koa';
import compress from 'koa-compress';

const COMPRESSED = new Set(['application/json', 'application/problem+json']);
const THRESHOLD_BYTES = 1024;

/**
 * Compresses what is read, such as lists. Never the answer to a change: those hold new secrets beside
 * what the client sent, and from the lengths of such answers a secret can be guessed (BREACH). Streams
 * are left alone, too: a compressor would keep events back.
 */
export function compression(): Middleware {
  const press = compress({
    filter: (type) => COMPRESSED.has(type),
    threshold: THRESHOLD_BYTES,
    encodingPreference: ['br', 'gzip'],
  });
  return function compressionMiddleware(ctx, next) {
    if (ctx.method !== 'GET') return next();
    // Who takes no encoding at all, not even none, gets it as it is (RFC 9110 §12.5.3).
    return ctx.acceptsEncodings('br', 'gzip', 'identity') === false ? next() : press(ctx, next);
  };
}
