import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  HELD_LIMITS,
  HeldQuota,
  type HeldLimits,
} from '../../../src/domain/notifications/held-quota.ts';

const LIMITS: HeldLimits = { perSubscription: 3, items: 5, bytes: 100, ageMs: 1000 };

const share = (id: number, more: Partial<Parameters<HeldQuota['take']>[0]> = {}) => ({
  id: String(id),
  subscriptionId: `of-${id}`,
  receivedAt: 0,
  bytes: 1,
  ...more,
});

describe('the room for held items', () => {
  it('is as large as the design says', () => {
    expect(HELD_LIMITS).toEqual({
      perSubscription: 20,
      items: 10_000,
      bytes: 16 * 1024 * 1024,
      ageMs: 600_000,
    });
  });

  it('is bounded for one subscription, and others still find theirs', () => {
    const quota = new HeldQuota(LIMITS);
    const one = { subscriptionId: 'one' };
    expect([1, 2, 3, 4].map((id) => quota.take(share(id, one)))).toEqual([true, true, true, false]);
    expect(quota.take(share(5))).toBe(true);
  });

  it('is bounded in items, whosever they are', () => {
    const quota = new HeldQuota(LIMITS);
    const taken = [1, 2, 3, 4, 5, 6].map((id) => quota.take(share(id)));
    expect(taken).toEqual([true, true, true, true, true, false]);
    expect(quota.items).toBe(5);
  });

  it('is bounded in bytes, to the last one', () => {
    const quota = new HeldQuota(LIMITS);
    expect(quota.take(share(1, { bytes: 60 }))).toBe(true);
    expect(quota.take(share(2, { bytes: 41 }))).toBe(false);
    expect(quota.take(share(3, { bytes: 40 }))).toBe(true);
    expect(quota.take(share(4, { bytes: 1 }))).toBe(false);
  });

  it('is given back once, however often it is released', () => {
    const quota = new HeldQuota(LIMITS);
    quota.take(share(1, { bytes: 100 }));
    quota.release(['1', '1', 'never taken']);
    quota.release(['1']);
    expect(quota.items).toBe(0);
    expect(quota.take(share(2, { bytes: 101 }))).toBe(false);
    expect(quota.take(share(3, { bytes: 100 }))).toBe(true);
  });

  it('is given back by age, the moment itself still in time', () => {
    const quota = new HeldQuota(LIMITS);
    for (const receivedAt of [9, 10, 11]) quota.take(share(receivedAt, { receivedAt }));
    quota.expire(10);
    expect(quota.items).toBe(2);
  });

  it('counts after a start what is there, also beyond the limits', () => {
    const quota = new HeldQuota(LIMITS);
    quota.restore([1, 2, 3, 4, 5, 6].map((id) => share(id, { subscriptionId: 'one' })));
    expect(quota.items).toBe(6);
    expect(quota.take(share(7))).toBe(false);
    quota.release(['1', '2', '3']);
    expect(quota.take(share(8, { subscriptionId: 'one' }))).toBe(false);
    expect(quota.take(share(9))).toBe(true);
  });

  it('is never overdrawn, and empty again when all is released', () => {
    const step = fc.record({
      take: fc.boolean(),
      id: fc.nat(12),
      of: fc.constantFrom('a', 'b', 'c'),
      bytes: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const quota = new HeldQuota(LIMITS);
        const taken = new Map<string, { of: string; bytes: number }>();
        for (const { take, id, of, bytes } of steps) {
          const known = taken.has(String(id));
          if (!take) {
            quota.release([String(id)]);
            taken.delete(String(id));
          } else if (!known && quota.take(share(id, { subscriptionId: of, bytes }))) {
            taken.set(String(id), { of, bytes });
          }
          const all = [...taken.values()];
          expect(quota.items).toBe(taken.size);
          expect(all.length).toBeLessThanOrEqual(LIMITS.items);
          expect(all.reduce((sum, one) => sum + one.bytes, 0)).toBeLessThanOrEqual(LIMITS.bytes);
          for (const group of Map.groupBy(all, (one) => one.of).values()) {
            expect(group.length).toBeLessThanOrEqual(LIMITS.perSubscription);
          }
        }
        quota.release([...taken.keys()]);
        expect(quota.take(share(99, { bytes: LIMITS.bytes }))).toBe(true);
      }),
    );
  });
});
