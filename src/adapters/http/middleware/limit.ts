import type Koa from 'koa';
import type { Middleware, ParameterizedContext } from 'koa';
import rateLimit from 'koa-ratelimit';
import { QuotaExceededError } from '../../../domain/errors.ts';
import type { Policies, Policy } from '../../../domain/limits/policies.ts';
import { quotaOf } from '../../../domain/limits/quota.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import type { RateStore } from '../../../ports/rate-store.ts';
import { principalOf, type RequestState } from '../request-state.ts';
import { networkOf } from '../trusted-proxies.ts';
import { setRateHeaders } from './rate-headers.ts';

/** What requests are counted in, and against. */
export interface Limits {
  readonly store: RateStore;
  readonly policies: Policies;
  /** How many instances share the maximum while each has to count for itself. */
  readonly instances: number;
}

interface LimitDeps {
  readonly app: Koa<RequestState>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/**
 * Counts each request, and ends it where it is one too many: by principal when its credential was
 * found good, else by where it comes from, so that strangers cannot use up what a user has.
 */
export function limit(deps: LimitDeps): Middleware<RequestState> {
  const { general, api } = deps.limits.policies;
  const strangers = limiter(deps, general, (ctx) => networkOf(ctx.state.clientAddress));
  const principals = limiter(deps, api, (ctx) => principalOf(ctx).id);

  return function limitMiddleware(ctx, next) {
    return (ctx.state.principal === undefined ? strangers : principals)(ctx, next);
  };
}

function limiter(
  deps: LimitDeps,
  policy: Policy,
  id: (ctx: ParameterizedContext<RequestState>) => string,
): Middleware<RequestState> {
  return rateLimit<RequestState>({
    driver: 'redis', // so it calls the driver below, whatever store that counts in
    db: { ratelimiter: (key) => count(deps, policy, key) },
    namespace: policy.name,
    max: policy.max,
    duration: policy.windowMs,
    id,
    onLimited: (ctx) => refuse(deps, ctx),
    disableHeader: true, // its reset can be a fraction, and its Retry-After 0
    throw: false,
  });
}

/** The driver is not told whose request it counts, hence the application's current context. */
async function count(
  { app, limits, clock }: LimitDeps,
  policy: Policy,
  key: string,
): Promise<[number, number, number]> {
  const window = await limits.store.hit(key, policy.windowMs);
  const quota = quotaOf(policy, window, limits.instances);
  const now = clock.now();
  const ctx = app.currentContext;
  if (ctx !== undefined) {
    ctx.state.quota = quota;
    setRateHeaders(ctx, quota, now);
  }
  const resetSeconds = Math.ceil((now + quota.resetsInMs) / 1000);
  return [quota.isExceeded ? 0 : quota.remaining + 1, resetSeconds, quota.limit];
}

function refuse({ metrics }: LimitDeps, { state }: ParameterizedContext<RequestState>): never {
  if (state.quota === undefined) throw new Error('limited, but not counted');
  metrics.count('rate_limit_exceeded_total', { policy: state.quota.policy.name });
  throw new QuotaExceededError(state.quota.resetsInMs);
}
