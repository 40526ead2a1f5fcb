import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { POLICIES } from '../../../src/domain/limits/policies.ts';
import { quotaOf, tighterOf } from '../../../src/domain/limits/quota.ts';

const whole = (max: number) => fc.integer({ min: 1, max });
const window = (hits: number, degraded = false) => ({ hits, resetsInMs: 1000, degraded });

describe('policies', () => {
  it('are those of the documentation', () => {
    expect(POLICIES).toEqual({
      general: { name: 'general', max: 100, windowMs: 900_000 },
      api: { name: 'api', max: 100, windowMs: 60_000 },
      auth: { name: 'auth', max: 5, windowMs: 900_000 },
      strict: { name: 'strict', max: 5, windowMs: 60_000 },
      'api-key-creation': { name: 'api-key-creation', max: 10, windowMs: 3_600_000 },
      'password-reset': { name: 'password-reset', max: 3, windowMs: 3_600_000 },
      credential: { name: 'credential', max: 20, windowMs: 900_000 },
    });
  });
});

describe('quotaOf', () => {
  const policy = POLICIES.general;

  it.each([
    [1, 99, false],
    [99, 1, false],
    [100, 0, false],
    [101, 0, true],
    [5000, 0, true],
  ])('after %d hits leaves %d; exceeded: %s', (hits, remaining, isExceeded) => {
    expect(quotaOf(policy, window(hits), 4)).toEqual({
      policy,
      limit: 100,
      remaining,
      resetsInMs: 1000,
      isExceeded,
    });
  });

  it.each([
    [1, 100],
    [3, 34],
    [4, 25],
    [100, 1],
    [1000, 1],
  ])('shares out the maximum among %d instances that count apart: %d each', (instances, limit) => {
    expect(quotaOf(policy, window(limit, true), instances)).toMatchObject({
      limit,
      remaining: 0,
      isExceeded: false,
    });
    expect(quotaOf(policy, window(limit + 1, true), instances).isExceeded).toBe(true);
  });

  it('allows together at least the maximum, and less than one each more', () => {
    fc.assert(
      fc.property(whole(10_000), whole(1000), (max, instances) => {
        const { limit } = quotaOf({ ...policy, max }, window(1, true), instances);
        expect(limit * instances).toBeGreaterThanOrEqual(max);
        expect((limit - 1) * instances).toBeLessThan(max);
      }),
      { numRuns: 300 },
    );
  });
});

describe('tighterOf', () => {
  const quota = (remaining: number, resetsInMs = 1000) => ({
    policy: POLICIES.general,
    limit: 100,
    remaining,
    resetsInMs,
    isExceeded: false,
  });
  const exceeded = { ...quota(0), isExceeded: true };

  it.each([
    ['what is exceeded', exceeded, quota(0, 9000), exceeded],
    ['what leaves less', quota(3), quota(4), quota(3)],
    ['what lasts longer', quota(3, 2000), quota(3, 1000), quota(3, 2000)],
    ['the only one', quota(3), undefined, quota(3)],
  ])('is %s', (_what, one, other, tighter) => {
    expect(tighterOf(one, other)).toEqual(tighter);
    if (other !== undefined) expect(tighterOf(other, one)).toEqual(tighter);
  });
});
