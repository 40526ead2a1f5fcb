import type { Context, Middleware } from 'koa';
import { UnauthenticatedError } from '../../../domain/errors.ts';
import type { Digest } from '../../../ports/digest.ts';
import { organizationOf } from '../organization-of.ts';
import type { RequestState } from '../request-state.ts';

const MAX_USER_AGENT = 256;

/** Tells whether a request carries the operator's key; in constant time, and only by its digest. */
export function createOperatorCheck(deps: {
  digest: Digest;
  keyDigest: string;
}): (ctx: Context) => boolean {
  return (ctx) => deps.digest.same(ctx.get('X-API-Key'), deps.keyDigest);
}

/**
 * Lets in whoever has the operator's key. A missing and a wrong key get the same answer, so that
 * nobody learns how near he came.
 */
export function operatorKey(deps: {
  isOperator: (ctx: Context) => boolean;
}): Middleware<RequestState> {
  return function operatorKeyMiddleware(ctx, next) {
    if (!deps.isOperator(ctx)) {
      throw new UnauthenticatedError('This needs a valid X-API-Key header');
    }
    ctx.state.principal = {
      organizationId: organizationOf(ctx),
      id: 'operator',
      ipAddress: ctx.ip.replace(/^::ffff:/, ''), // IPv4 on a socket that takes both
      userAgent: ctx.get('User-Agent').slice(0, MAX_USER_AGENT) || undefined,
      requestId: ctx.state.requestId,
    };
    return next();
  };
}
