import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { planTraffic, type TrafficShape } from '../../src/simulation/plan-traffic.ts';
import { createRandom } from '../../src/simulation/random.ts';

const PLAIN: TrafficShape = {
  rate: 40,
  durationMs: 5000,
  batch: 5,
  duplicates: 0,
  shuffled: 0,
  late: 0,
  lateMs: 3000,
  forged: 0,
};

const plan = (changes: Partial<TrafficShape>, seed = 1) =>
  planTraffic({ ...PLAIN, ...changes }, createRandom(seed));

type Plan = ReturnType<typeof planTraffic>;
const itemsOf = (posts: Plan) => posts.flatMap(({ items }) => items);
const genuineOf = (posts: Plan) => itemsOf(posts).filter(({ forgery }) => forgery === null);

/** When each change is told of first. */
function firstTimes(posts: Plan): Map<number, number> {
  const times = new Map<number, number>();
  for (const { atMs, items } of posts) {
    for (const { number, forgery } of items) {
      if (forgery === null && !times.has(number)) times.set(number, atMs);
    }
  }
  return times;
}

describe('the plan of the traffic', () => {
  it('sends whole batches in order and evenly when nothing else is asked', () => {
    const posts = plan({});
    expect(posts).toHaveLength(200);
    expect(posts.map(({ atMs }) => atMs)).toEqual(posts.map((_, at) => at * 25));
    expect(itemsOf(posts).map(({ number }) => number)).toEqual([...Array(1000).keys()]);
    expect(posts.every(({ items }) => items.length === 5)).toBe(true);
  });

  it.each([
    [
      'duplicates',
      (posts: Plan) =>
        genuineOf(posts).length - new Set(genuineOf(posts).map(({ number }) => number)).size,
    ],
    ['forged', (posts: Plan) => itemsOf(posts).length - genuineOf(posts).length],
    [
      'late',
      (posts: Plan) =>
        [...firstTimes(posts)].filter(([number, at]) => at - Math.floor(number / 5) * 25 >= 1500)
          .length,
    ],
    [
      'shuffled',
      (posts: Plan) =>
        [...firstTimes(posts)].filter(([number, at]) => at > Math.floor(number / 5) * 25).length,
    ],
  ] as const)('keeps the share of %s', (share, count) => {
    // Binomial, n 1000: 0.2 is 200, and five standard deviations are 64.
    const found = count(plan({ [share]: 0.2 }));
    expect(found).toBeGreaterThan(136);
    expect(found).toBeLessThan(264);
    expect(count(plan({}))).toBe(0);
  });

  it('forges in each way, and mostly before the genuine one is there', () => {
    const posts = plan({ forged: 0.3 });
    const forged = itemsOf(posts).filter(({ forgery }) => forgery !== null);
    const ways = new Set(forged.map(({ forgery }) => forgery));
    expect(ways).toEqual(new Set(['client-state', 'tenant', 'subscription']));
    const items = itemsOf(posts);
    const isBefore = ({ number }: { number: number }, place: number) =>
      items.findIndex((item) => item.forgery === null && item.number === number) > place;
    const first = items.flatMap((item, place) =>
      item.forgery === null ? [] : [isBefore(item, place)],
    );
    expect(first.filter(Boolean).length).toBeGreaterThan(0.9 * forged.length);
  });

  it('is the same for the same seed, and another for another', () => {
    const shares = { duplicates: 0.2, shuffled: 0.2, late: 0.2, forged: 0.2 };
    expect(plan(shares, 3)).toEqual(plan(shares, 3));
    expect(plan(shares, 4)).not.toEqual(plan(shares, 3));
  });

  it('sends every change at least once and none more than twice, in good time', () => {
    const share = fc.constantFrom(0, 0.1, 0.5, 1);
    const shapes = fc.record({
      rate: fc.double({ min: 0.1, max: 200, noNaN: true }),
      durationMs: fc.integer({ min: 1, max: 3000 }),
      batch: fc.integer({ min: 1, max: 7 }),
      duplicates: share,
      shuffled: share,
      late: share,
      lateMs: fc.integer({ min: 1, max: 3000 }),
      forged: share,
    });
    fc.assert(
      fc.property(shapes, fc.nat(), (shape, seed) => {
        const posts = planTraffic(shape, createRandom(seed));
        const genuine = genuineOf(posts).map(({ number }) => number);
        const numbers = new Set(genuine);
        const forged = itemsOf(posts).length - genuine.length;
        const slots = Math.max(1, Math.round((shape.rate * shape.durationMs) / 1000));
        expect(numbers.size + forged).toBe(slots * shape.batch);
        for (let number = 0; number < numbers.size; number += 1) expect(numbers).toContain(number);
        for (const [, same] of Map.groupBy(genuine, (number) => number)) {
          expect(same.length).toBeLessThanOrEqual(shape.duplicates === 0 ? 1 : 2);
        }
        expect(posts.every(({ items }) => items.length > 0)).toBe(true);
        const times = posts.map(({ atMs }) => atMs);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        // The new ones, then the latest of them, then its repeat; each in whole slots.
        const latestMs = shape.durationMs + shape.lateMs + 2000 + 4000 / shape.rate;
        expect(times.at(-1)).toBeLessThanOrEqual(latestMs);
      }),
      { numRuns: 200 },
    );
  });
});
