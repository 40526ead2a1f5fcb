import type { Middleware } from 'koa';
import { MethodNotAllowedError, NotFoundError } from '../../../domain/errors.ts';
import { methodsAtPath, type RequestState } from '../request-state.ts';

/** Answers what no route did: 404, 405 with what would be allowed, or OPTIONS (RFC 9110 §9.3.7). */
export function unmatched(): Middleware<RequestState> {
  return function unmatchedMiddleware(ctx) {
    const methods = methodsAtPath(ctx);
    if (methods.length === 0) throw new NotFoundError('There is nothing at this path');
    ctx.set('Allow', [...methods, 'OPTIONS'].join(', '));
    if (ctx.method !== 'OPTIONS') {
      throw new MethodNotAllowedError('This path does not take this method; see Allow');
    }
    ctx.status = 204;
  };
}
