import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { afterTry, jitterOf, MAX_TRIES } from '../../../src/domain/delivery/retry-schedule.ts';

const NOW = Date.UTC(2026, 10, 22);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SCHEDULE = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
];

const jitters = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const openTries = fc.integer({ min: 1, max: 9 });
const failures = fc.constantFrom('retry' as const, 'lost' as const);
const waitMs = (tries: number, jitter: number, retryAfterMs: number | null = null) =>
  afterTry({ outcome: 'retry', retryAfterMs }, NOW, tries, jitter).dueAt - NOW;

describe('the retry schedule', () => {
  it('is the one that is documented', () => {
    expect(MAX_TRIES).toBe(10);
    expect(SCHEDULE.map((_, at) => waitMs(at + 1, 0.5))).toEqual(SCHEDULE);
  });

  it('spreads each wait by a fifth to either side, whatever failed', () => {
    fc.assert(
      fc.property(failures, openTries, jitters, (outcome, tries, jitter) => {
        const { state, dueAt } = afterTry({ outcome }, NOW, tries, jitter);
        const nominal = SCHEDULE[tries - 1] ?? Number.NaN;
        expect(state).toBe('due');
        expect(Number.isInteger(dueAt)).toBe(true);
        expect(dueAt - NOW).toBeGreaterThanOrEqual(0.8 * nominal);
        expect(dueAt - NOW).toBeLessThanOrEqual(1.2 * nominal);
      }),
      { numRuns: 500 },
    );
    expect(waitMs(1, 0)).toBe(4 * SECOND);
    expect(waitMs(1, 1 - Number.EPSILON)).toBe(6 * SECOND);
  });

  it('waits longer after each try, whatever the jitter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), jitters, jitters, (tries, a, b) => {
        expect(waitMs(tries + 1, a)).toBeGreaterThan(waitMs(tries, b));
      }),
      { numRuns: 300 },
    );
  });

  it('lets a longer Retry-After win, up to a day, and no shorter one', () => {
    fc.assert(
      fc.property(
        openTries,
        jitters,
        fc.integer({ min: 0, max: 10 * DAY }),
        (tries, jitter, asked) => {
          const wait = waitMs(tries, jitter, asked);
          expect(wait).toBe(Math.max(waitMs(tries, jitter), Math.min(asked, DAY)));
        },
      ),
      { numRuns: 500 },
    );
    expect(waitMs(1, 0.5, 2 * DAY)).toBe(DAY);
    expect(waitMs(9, 0.5, 1)).toBe(8 * HOUR);
  });

  it('gives up after the tenth try, Retry-After or not', () => {
    fc.assert(
      fc.property(
        failures,
        fc.integer({ min: 10, max: 1000 }),
        jitters,
        (outcome, tries, jitter) => {
          const end = afterTry({ outcome, retryAfterMs: MINUTE }, NOW, tries, jitter);
          expect(end).toEqual({ state: 'dead', dueAt: NOW });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('ends at once when it was delivered or refused for good', () => {
    for (const outcome of ['delivered', 'dead'] as const) {
      for (const tries of [1, 10]) {
        expect(afterTry({ outcome }, NOW, tries, 0.5)).toEqual({ state: outcome, dueAt: NOW });
      }
    }
  });
});

/** As real ones look: 40 hex digits of a digest, and a sink's id. */
function deliveryId(n: number): string {
  const digest = createHash('sha256').update(String(n)).digest('hex');
  return `${digest.slice(0, 40)}_6f1f7b52-1c1d-4a3e-9a47-2f3c4d5e6f70`;
}

describe('jitter', () => {
  it('is a fraction, and the same for the same try', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 10 }), (id, tries) => {
        const jitter = jitterOf(id, tries);
        expect(jitter).toBe(jitterOf(id, tries));
        expect(jitter >= 0 && jitter < 1).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('spreads the tries of one delivery, and the deliveries of one try', () => {
    const overDeliveries = Array.from({ length: 10_000 }, (_, n) => jitterOf(deliveryId(n), 3));
    const overTries = Array.from({ length: 1000 }, (_, n) =>
      Array.from({ length: 10 }, (_, tries) => jitterOf(deliveryId(n), tries + 1)),
    ).flat();
    for (const jitters of [overDeliveries, overTries]) {
      const tenths = Array.from({ length: 10 }, () => 0);
      for (const jitter of jitters)
        tenths[Math.floor(jitter * 10)] = (tenths[Math.floor(jitter * 10)] ?? 0) + 1;
      expect(Math.min(...tenths)).toBeGreaterThan(800);
      expect(Math.max(...tenths)).toBeLessThan(1200);
    }
  });
});
