import type { Policy } from './policies.ts';

/** Where one client stands under one policy. */
export interface Quota {
  readonly policy: Policy;
  /** What applies now: the policy's maximum, or this instance's share of it. */
  readonly limit: number;
  readonly remaining: number;
  readonly resetsInMs: number;
  /** The last hit was one too many. */
  readonly isExceeded: boolean;
}

/**
 * Judges a count. While each instance counts for itself, each allows its share of the maximum,
 * rounded up: together they then allow about what one would, and never nothing.
 */
export function quotaOf(
  policy: Policy,
  window: { readonly hits: number; readonly resetsInMs: number; readonly degraded: boolean },
  instances: number,
): Quota {
  const limit = window.degraded ? Math.ceil(policy.max / instances) : policy.max;
  return {
    policy,
    limit,
    remaining: Math.max(0, limit - window.hits),
    resetsInMs: window.resetsInMs,
    isExceeded: window.hits > limit,
  };
}

/** Of two quotas of one request the one that ends it first: what is left counts, then for how long. */
export function tighterOf(one: Quota, other: Quota | undefined): Quota {
  if (other === undefined) return one;
  if (one.isExceeded !== other.isExceeded) return one.isExceeded ? one : other;
  if (one.remaining !== other.remaining) return one.remaining < other.remaining ? one : other;
  return one.resetsInMs >= other.resetsInMs ? one : other;
}
