import { AsyncLocalStorage } from 'node:async_hooks';
import type { Middleware, ParameterizedContext } from 'koa';
import rateLimit from 'koa-ratelimit';
import type { Refusal } from '../../../app/audit/refusals.ts';
import type { Limits } from '../../../app/limits.ts';
import { AuthQuotaExceededError, QuotaExceededError } from '../../../domain/errors.ts';
import type { Policy } from '../../../domain/limits/policies.ts';
import { type Quota, quotaOf, tighterOf } from '../../../domain/limits/quota.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { RateTicket } from '../../../ports/rate-store.ts';
import { type RequestState, whereabouts } from '../request-state.ts';
import { networkOf } from '../trusted-proxies.ts';
import { setRateHeaders } from './rate-headers.ts';

export interface LimitDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly noteRefusal: (refusal: Refusal) => void;
}

export type RequestContext = ParameterizedContext<RequestState>;

/** One request being counted: the driver is given a key, and not told whose it is. */
interface Count {
  readonly ctx: RequestContext;
  ticket?: RateTicket;
}

const counting = new AsyncLocalStorage<Count>();

/**
 * Counts each request, and ends it where it is one too many: by principal when its credential was
 * found good, else by where it comes from, so that strangers cannot use up what a user has.
 */
export function limit(deps: LimitDeps): Middleware<RequestState> {
  const { general, api } = deps.limits.policies;
  const strangers = limitBy(deps, general, byNetwork);
  const principals = limitBy(deps, api, byPrincipal);

  return function limitMiddleware(ctx, next) {
    return ctx.state.credential.kind === 'valid' ? principals(ctx, next) : strangers(ctx, next);
  };
}

/** Counts each request under a policy, by what `id` gives, and ends one too many. */
export function limitBy(
  deps: LimitDeps,
  policy: Policy,
  id: (ctx: RequestContext) => string,
): Middleware<RequestState> {
  const count = limiter(deps, policy, id);
  return function limitByMiddleware(ctx, next) {
    return counting.run({ ctx }, () => count(ctx, next));
  };
}

/**
 * The same, but what succeeds is given back: an office behind one address is not locked out by its
 * own Monday morning. What is one too many is refused all the same, or guessing would go on between
 * two logins of one's own.
 */
export function limitFailures(
  deps: LimitDeps,
  policy: Policy,
  id: (ctx: RequestContext) => string,
): Middleware<RequestState> {
  const count = limiter(deps, policy, id);
  return async function limitFailuresMiddleware(ctx, next) {
    const counted: Count = { ctx };
    await counting.run(counted, () => count(ctx, next));
    if (ctx.status >= 400 || counted.ticket === undefined) return;
    // The store may be away by now: then the hit stays, and its window ends by itself.
    await deps.limits.store.undo(counted.ticket).catch(() => undefined);
  };
}

export function byNetwork({ state }: RequestContext): string {
  return networkOf(state.clientAddress);
}

export function byPrincipal({ state: { credential } }: RequestContext): string {
  return credential.kind === 'valid' ? credential.principalId : credential.kind;
}

function limiter(
  deps: LimitDeps,
  policy: Policy,
  id: (ctx: RequestContext) => string,
): Middleware<RequestState> {
  return rateLimit<RequestState>({
    driver: 'redis', // the one that calls what it is given as `db`, which here is our own store
    db: { ratelimiter: (key) => hit(deps, policy, key) },
    namespace: policy.name,
    max: policy.max,
    duration: policy.windowMs,
    id,
    onLimited: (ctx) => refuse(deps, policy, ctx),
    disableHeader: true, // its reset can be a fraction, and its Retry-After 0
    throw: false,
  });
}

async function hit(
  { limits, clock }: LimitDeps,
  policy: Policy,
  key: string,
): Promise<[number, number, number]> {
  const count = counting.getStore();
  if (count === undefined) throw new Error('counted outside of a request');
  const window = await limits.store.hit(key, policy.windowMs);
  count.ticket = window.ticket;
  const quota = quotaOf(policy, window, limits.instances);
  const now = clock.now();
  showQuota(count.ctx, quota, now);
  const remainedBefore = quota.isExceeded ? 0 : quota.remaining + 1;
  return [remainedBefore, Math.ceil((now + quota.resetsInMs) / 1000), quota.limit];
}

/** Of several policies the one is shown that will end first (draft-ietf-httpapi-ratelimit-headers). */
function showQuota(ctx: RequestContext, quota: Quota, now: number): void {
  ctx.state.quota = tighterOf(quota, ctx.state.quota);
  setRateHeaders(ctx, ctx.state.quota, now);
}

function refuse(deps: LimitDeps, policy: Policy, ctx: RequestContext): never {
  const { quota } = ctx.state;
  if (quota === undefined) throw new Error('limited, but not counted');
  deps.noteRefusal({ kind: 'rate-limit', policy: policy.name, ...whereabouts(ctx) });
  throw policy.name === 'auth'
    ? new AuthQuotaExceededError(quota.resetsInMs)
    : new QuotaExceededError(quota.resetsInMs);
}
