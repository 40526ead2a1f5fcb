import type { Context, Middleware } from 'koa';
import type { Refusal } from '../../../app/audit/refusals.ts';
import {
  ForbiddenError,
  QuotaExceededError,
  UnauthenticatedError,
} from '../../../domain/errors.ts';
import { quotaOf } from '../../../domain/limits/quota.ts';
import type { Clock } from '../../../ports/clock.ts';
import { organizationOf } from '../organization-of.ts';
import { type Credential, type RequestState, userAgentOf, whereabouts } from '../request-state.ts';
import { networkOf, type TrustedProxies } from '../trusted-proxies.ts';
import type { Limits } from './limit.ts';
import { setRateHeaders } from './rate-headers.ts';

// A missing and a wrong key get the same answer, so that nobody learns how near he came.
const NEEDS_KEY = 'This needs a valid X-API-Key header';

export type FindCredential = (ctx: Context) => Promise<Credential>;

/**
 * Finds out which credential a request shows. From where no administrator is taken none is looked at,
 * so that a stolen key cannot even be tried there. Wrong ones count against the network they come from;
 * beyond the quota a good one is not looked at either, or guessing would go on all the same.
 */
export function createFindCredential(deps: {
  isOperator: (ctx: Context) => boolean;
  proxies: TrustedProxies;
  /** Whether an administrator may act from there. */
  isAdminAddress: (address: string) => boolean;
  limits: Limits | undefined;
}): FindCredential {
  const { isOperator, limits } = deps;

  return async function findCredential(ctx) {
    if (ctx.get('X-API-Key') === '') return { kind: 'none' };
    const address = deps.proxies.clientOf(ctx.req);
    if (!deps.isAdminAddress(address)) return { kind: 'outside' };
    if (limits === undefined) return isOperator(ctx) ? operator : { kind: 'wrong' };
    const policy = limits.policies.credential;
    const key = `${policy.name}:${networkOf(address)}`;
    const before = await limits.store.read(key);
    const had = before && quotaOf(policy, before, limits.instances);
    // The next one would be one too many.
    if (had?.remaining === 0) return { kind: 'refused', quota: had };
    if (isOperator(ctx)) return operator;
    // Others may have been found wrong since the look above: what counts is this count.
    const after = await limits.store.hit(key, policy.windowMs);
    const quota = quotaOf(policy, after, limits.instances);
    return quota.isExceeded ? { kind: 'refused', quota } : { kind: 'wrong' };
  };
}

const operator: Credential = { kind: 'valid', principalId: 'operator' };

/** Only finds out; what follows from it comes after the request has been counted. */
export function credential(deps: { findCredential: FindCredential }): Middleware<RequestState> {
  return async function credentialMiddleware(ctx, next) {
    ctx.state.credential = await deps.findCredential(ctx);
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
