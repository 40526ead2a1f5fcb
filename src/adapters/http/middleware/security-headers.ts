import type { Middleware } from 'koa';
import type { Digest } from '../../../ports/digest.ts';
import type { RequestState } from '../request-state.ts';
import {
  apiHeaders,
  pageHeaders,
  type SecurityHeaderOptions,
  setAll,
} from '../security-headers.ts';

/** What every answer has, whatever becomes of the request. */
export function securityHeaders(options: SecurityHeaderOptions): Middleware {
  const headers = apiHeaders(options);
  return function securityHeadersMiddleware(ctx, next) {
    setAll(ctx.res, headers);
    return next();
  };
}

/** On the way to a page: its scripts carry `ctx.state.nonce`. */
export function forPages(deps: {
  digest: Digest;
  securityHeaders: SecurityHeaderOptions;
}): Middleware<RequestState> {
  return function forPagesMiddleware(ctx, next) {
    const nonce = deps.digest.randomId();
    ctx.state.nonce = nonce;
    setAll(ctx.res, pageHeaders(deps.securityHeaders, nonce));
    return next();
  };
}
