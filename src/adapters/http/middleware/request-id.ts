import type { Middleware } from 'koa';
import type { Digest } from '../../../ports/digest.ts';
import type { RequestState } from '../request-state.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';

const REQUEST_ID = /^[\w.-]{1,64}$/;

/**
 * Names the request, in its answer and in the log. An `x-request-id` is taken from a trusted proxy
 * only: a stranger could give his requests the ids of others.
 */
export function requestId(deps: {
  digest: Digest;
  proxies: TrustedProxies;
}): Middleware<RequestState> {
  return function requestIdMiddleware(ctx, next) {
    const given = ctx.get('X-Request-Id');
    const isTaken = REQUEST_ID.test(given) && deps.proxies.sent(ctx.req);
    ctx.state.requestId = isTaken ? given : deps.digest.randomId();
    ctx.set('X-Request-Id', ctx.state.requestId);
    return next();
  };
}
