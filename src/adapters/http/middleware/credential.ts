import type { Middleware } from 'koa';
import type { Refusal } from '../../../app/audit/refusals.ts';
import type { FindCredential } from '../../../app/identity/find-credential.ts';
import {
  ForbiddenError,
  QuotaExceededError,
  UnauthenticatedError,
} from '../../../domain/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { organizationOf } from '../organization-of.ts';
import { type RequestState, shownKeyOf, userAgentOf, whereabouts } from '../request-state.ts';
import { setRateHeaders } from './rate-headers.ts';

// A missing and a wrong key get the same answer, so that nobody learns how near he came.
const NEEDS_KEY = 'This needs a valid X-API-Key header';

/** Only finds out; what follows from it comes after the request has been counted. */
export function credential(deps: { findCredential: FindCredential }): Middleware<RequestState> {
  return async function credentialMiddleware(ctx, next) {
    ctx.state.credential = await deps.findCredential(shownKeyOf(ctx));
    await next();
  };
}

/** Ends a request whose credential is wrong: it is not served as one without any. */
export function admit(deps: {
  clock: Clock;
  noteRefusal: (refusal: Refusal) => void;
}): Middleware<RequestState> {
  return function admitMiddleware(ctx, next) {
    const { credential, clientAddress, requestId } = ctx.state;
    switch (credential.kind) {
      case 'refused':
        deps.noteRefusal({
          kind: 'rate-limit',
          policy: credential.quota.policy.name,
          ...whereabouts(ctx),
        });
        setRateHeaders(ctx, credential.quota, deps.clock.now());
        throw new QuotaExceededError(credential.quota.resetsInMs);
      case 'outside':
        deps.noteRefusal({ kind: 'address', ...whereabouts(ctx) });
        throw new ForbiddenError('Administrators are not taken from this address');
      case 'wrong':
        deps.noteRefusal({ kind: 'credential', ...whereabouts(ctx) });
        throw new UnauthenticatedError(NEEDS_KEY);
      case 'valid':
        ctx.state.principal = {
          organizationId: organizationOf(ctx),
          id: credential.principalId,
          ipAddress: clientAddress || undefined,
          userAgent: userAgentOf(ctx) || undefined,
          requestId,
        };
    }
    return next();
  };
}

/** For routes that answer nobody without a credential, before they read a body. */
export function requirePrincipal(): Middleware<RequestState> {
  return function requirePrincipalMiddleware(ctx, next) {
    if (ctx.state.principal === undefined) throw new UnauthenticatedError(NEEDS_KEY);
    return next();
  };
}
