import type { Middleware } from 'koa';

/** No answer of this service is for a cache: all of them are about now, or about somebody. */
export function noStore(): Middleware {
  return function noStoreMiddleware(ctx, next) {
    ctx.set('Cache-Control', 'no-store');
    return next();
  };
}
