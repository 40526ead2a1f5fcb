import type { Context, Middleware } from 'koa';
import type { Refusal } from '../../../app/audit/refusals.ts';
import type { FindCredential } from '../../../app/identity/find-credential.ts';
import {
  ForbiddenError,
  QuotaExceededError,
  type ServiceError,
  UnauthenticatedError,
} from '../../../domain/errors.ts';
import type { Credential } from '../../../domain/identity/credential.ts';
import type { Clock } from '../../../ports/clock.ts';
import { organizationOf } from '../organization-of.ts';
import { type RequestState, shownKeyOf, userAgentOf, whereabouts } from '../request-state.ts';
import { type AllowedHosts, servedHosts } from './host-check.ts';
import { setRateHeaders } from './rate-headers.ts';

type RequestContext = Context & { state: RequestState };

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
    const refusal = refusalOf(ctx, credential, deps);
    if (credential.kind === 'refused') setRateHeaders(ctx, credential.quota, deps.clock.now());
    if (refusal !== undefined) throw refusal;
    if (credential.kind === 'valid') {
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

/**
 * For what is open to all and tells some of them more: whoever shows a credential that is not served
 * is answered as a stranger, but it is written down, or it would be the place to guess at. Under a
 * host that is not served nobody is looked at: a page that was led here (DNS rebinding) could else
 * show wrong keys from its reader's address until that is locked out.
 */
export function showsGoodKey(deps: {
  findCredential: FindCredential;
  noteRefusal: (refusal: Refusal) => void;
  edge: { readonly allowedHosts: AllowedHosts };
}): (ctx: RequestContext) => Promise<boolean> {
  const isServed = servedHosts(deps.edge.allowedHosts);

  return async function isGoodKeyShown(ctx) {
    if (!isServed(ctx.req)) return false;
    const credential = await deps.findCredential(shownKeyOf(ctx));
    refusalOf(ctx, credential, deps);
    return credential.kind === 'valid';
  };
}

/** Notes a credential that is not served, and gives what its request ends in where it needs one. */
function refusalOf(
  ctx: RequestContext,
  credential: Credential,
  { noteRefusal }: { noteRefusal: (refusal: Refusal) => void },
): ServiceError | undefined {
  switch (credential.kind) {
    case 'refused': {
      const { policy, resetsInMs } = credential.quota;
      noteRefusal({ kind: 'rate-limit', policy: policy.name, ...whereabouts(ctx) });
      return new QuotaExceededError(resetsInMs);
    }
    case 'outside':
      noteRefusal({ kind: 'address', ...whereabouts(ctx) });
      return new ForbiddenError('Administrators are not taken from this address');
    case 'wrong':
      noteRefusal({ kind: 'credential', ...whereabouts(ctx) });
      return new UnauthenticatedError(NEEDS_KEY);
    case 'none':
    case 'valid':
      return undefined;
  }
}

/** For routes that answer nobody without a credential, before they read a body. */
export function requirePrincipal(): Middleware<RequestState> {
  return function requirePrincipalMiddleware(ctx, next) {
    if (ctx.state.principal === undefined) throw new UnauthenticatedError(NEEDS_KEY);
    return next();
  };
}
