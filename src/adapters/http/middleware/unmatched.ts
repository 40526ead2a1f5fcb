import type { Middleware } from 'koa';
import { MethodNotAllowedError, NotFoundError } from '../../../domain/errors.ts';
import { methodsAtPath, type RequestState } from '../request-state.ts';

/** Answers what no route did. */
export function unmatched(): Middleware<RequestState> {
  const answerMethods = otherMethods();
  return function unmatchedMiddleware(ctx) {
    return answerMethods(ctx, () => {
      throw new NotFoundError('There is nothing at this path');
    });
  };
}

/** For paths of the routes so far: 405 with what would be allowed, or OPTIONS (RFC 9110 §9.3.7). */
export function otherMethods(): Middleware<RequestState> {
  return function otherMethodsMiddleware(ctx, next) {
    const methods = methodsAtPath(ctx);
    if (methods.length === 0) return next();
    ctx.set('Allow', [...methods, 'OPTIONS'].join(', '));
    if (ctx.method !== 'OPTIONS') {
      throw new MethodNotAllowedError('This path does not take this method; see Allow');
    }
    ctx.status = 204;
    return undefined;
  };
}
