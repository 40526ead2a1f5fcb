import type { Middleware } from 'koa';
import type { Digest } from '../../../ports/digest.ts';
import type { RequestState } from '../request-state.ts';

/**
 * Names the request, in its answer and in the log. An `x-request-id` of the caller's is not taken:
 * no proxy is trusted yet, and a stranger could give his requests the ids of others.
 */
export function requestId(deps: { digest: Digest }): Middleware<RequestState> {
  return function requestIdMiddleware(ctx, next) {
    ctx.state.requestId = deps.digest.randomId();
    ctx.set('X-Request-Id', ctx.state.requestId);
    return next();
  };
}
