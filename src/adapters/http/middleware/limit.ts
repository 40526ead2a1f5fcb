import { AsyncLocalStorage } from 'node:async_hooks';
import type { Middleware, ParameterizedContext } from 'koa';
import rateLimit from 'koa-ratelimit';
import { QuotaExceededError } from '../../../domain/errors.ts';
import type { Policies, Policy } from '../../../domain/limits/policies.ts';
import { quotaOf } from '../../../domain/limits/quota.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import type { RateStore } from '../../../ports/rate-store.ts';
import type { RequestState } from '../request-state.ts';
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
  readonly limits: Limits;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

type RequestContext = ParameterizedContext<RequestState>;

/** The driver that counts is given a key, and not told whose request it is. */
const counted = new AsyncLocalStorage<RequestContext>();

/**
 * Counts each request, and ends it where it is one too many: by principal when its credential was
 * found good, else by where it comes from, so that strangers cannot use up what a user has.
 */
export function limit(deps: LimitDeps): Middleware<RequestState> {
  const { general, api } = deps.limits.policies;
  const strangers = limiter(deps, general, ({ state }) => networkOf(state.clientAddress));
  const principals = limiter(deps, api, ({ state: { credential } }) =>
    credential.kind === 'valid' ? credential.principalId : credential.kind,
  );

  return function limitMiddleware(ctx, next) {
    const count = ctx.state.credential.kind === 'valid' ? principals : strangers;
    return counted.run(ctx, () => count(ctx, next));
  };
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
    onLimited: (ctx) => refuse(deps, ctx),
    disableHeader: true, // its reset can be a fraction, and its Retry-After 0
    throw: false,
  });
}

async function hit(
  { limits, clock }: LimitDeps,
  policy: Policy,
  key: string,
): Promise<[number, number, number]> {
  const window = await limits.store.hit(key, policy.windowMs);
  const quota = quotaOf(policy, window, limits.instances);
  const now = clock.now();
  const ctx = counted.getStore();
  if (ctx === undefined) throw new Error('counted outside of a request');
  ctx.state.quota = quota;
  setRateHeaders(ctx, quota, now);
  const remainedBefore = quota.isExceeded ? 0 : quota.remaining + 1;
  return [remainedBefore, Math.ceil((now + quota.resetsInMs) / 1000), quota.limit];
}

function refuse({ metrics }: LimitDeps, { state }: RequestContext): never {
  if (state.quota === undefined) throw new Error('limited, but not counted');
  metrics.count('rate_limit_exceeded_total', { policy: state.quota.policy.name });
  throw new QuotaExceededError(state.quota.resetsInMs);
}
