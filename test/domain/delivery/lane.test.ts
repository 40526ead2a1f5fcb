import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  IDLE_LANE,
  laneBegan,
  laneEnded,
  laneForgiven,
  laneLimit,
  laneOpen,
} from '../../../src/domain/delivery/lane.ts';
import type { Lane } from '../../../src/domain/delivery/lane.ts';

const NOW = Date.UTC(2026, 10, 22);
const UNLIMITED = { concurrency: 20, ratePerSecond: null };

const began = (lane: Lane, now: number) => laneBegan(lane, now);
const failed = (lane: Lane, now: number) => laneEnded(lane, false, now);
const succeeded = (lane: Lane, now: number) => laneEnded(lane, true, now);
const times = (count: number, step: (lane: Lane, now: number) => Lane, from: Lane, now = NOW) =>
  Array.from({ length: count }).reduce<Lane>((lane) => step(lane, now), from);
/** Fails until it opens at NOW. */
const opened = times(5, failed, IDLE_LANE);
const waitMs = (lane: Lane, now: number) => laneLimit(lane, UNLIMITED, now).waitMs;

describe('the breaker of a lane', () => {
  it('opens after five failures in a row and not before', () => {
    const four = times(4, failed, IDLE_LANE);
    expect(laneOpen(four, NOW)).toBe(false);
    expect(laneLimit(four, UNLIMITED, NOW)).toEqual({ concurrency: 20, waitMs: 0 });
    expect(laneOpen(failed(four, NOW), NOW)).toBe(true);
    const interrupted = times(4, failed, succeeded(four, NOW));
    expect(laneOpen(interrupted, NOW)).toBe(false);
  });

  it('lets one probe through after 30 s', () => {
    expect(laneLimit(opened, UNLIMITED, NOW)).toEqual({ concurrency: 1, waitMs: 30_000 });
    expect(laneLimit(opened, UNLIMITED, NOW + 29_999)).toEqual({ concurrency: 1, waitMs: 1 });
    expect(laneOpen(opened, NOW + 29_999)).toBe(true);
    expect(laneOpen(opened, NOW + 30_000)).toBe(false);
    const probing = began(opened, NOW + 30_000);
    expect(laneLimit(probing, UNLIMITED, NOW + 30_000)).toEqual({ concurrency: 1, waitMs: 0 });
  });

  it('doubles the wait after each probe that fails, to 5 min, and begins anew after a success', () => {
    let lane = opened;
    let now = NOW;
    const waits: number[] = [];
    for (let probe = 0; probe < 6; probe += 1) {
      waits.push(waitMs(lane, now));
      now += waitMs(lane, now);
      lane = failed(began(lane, now), now);
    }
    expect(waits).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
    const closed = succeeded(lane, now);
    expect(laneLimit(closed, UNLIMITED, now)).toEqual({ concurrency: 20, waitMs: 0 });
    expect(waitMs(times(5, failed, closed, now), now)).toBe(30_000);
  });

  it('probes at once when it is forgiven, and waits no less after it when the probe fails', () => {
    const forgiven = laneForgiven(opened);
    expect(laneLimit(forgiven, UNLIMITED, NOW)).toEqual({ concurrency: 1, waitMs: 0 });
    expect(waitMs(failed(began(forgiven, NOW), NOW), NOW)).toBe(60_000);
    expect(laneLimit(succeeded(began(forgiven, NOW), NOW), UNLIMITED, NOW).concurrency).toBe(20);
    const probing = laneForgiven(laneForgiven(opened));
    expect(laneLimit(probing, UNLIMITED, NOW)).toEqual({ concurrency: 1, waitMs: 0 });
    expect(laneForgiven(times(4, failed, IDLE_LANE))).toEqual(IDLE_LANE);
  });

  it('takes no notice of failures of tries that began before it opened', () => {
    const later = times(15, failed, opened, NOW + 10_000);
    expect(waitMs(later, NOW + 10_000)).toBe(20_000);
    // Not even when the wait is over and the probe has not begun.
    expect(waitMs(failed(opened, NOW + 40_000), NOW + 40_000)).toBe(0);
  });

  it('closes when a try that began before it opened succeeds: the sink answers', () => {
    expect(laneOpen(succeeded(opened, NOW + 1), NOW + 1)).toBe(false);
  });

  it('does not stay open for as long as a clock was set back', () => {
    expect(waitMs(opened, NOW - 86_400_000)).toBe(0);
    expect(laneOpen(opened, NOW - 1)).toBe(false);
  });

  it('never waits for more than 5 min, and is open only after five failures in a row', () => {
    const steps = fc.array(
      fc.record({
        step: fc.constantFrom(began, failed, failed, failed, succeeded),
        passMs: fc.constantFrom(0, 1, 20_000, 30_000, 300_000),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (taken) => {
        let lane = IDLE_LANE;
        let now = NOW;
        let inRow = 0;
        for (const { step, passMs } of taken) {
          now += passMs;
          lane = step(lane, now);
          if (step === succeeded) inRow = 0;
          if (step === failed) inRow += 1;
          const { concurrency, waitMs } = laneLimit(lane, UNLIMITED, now);
          expect(concurrency).toBe(inRow < 5 ? 20 : 1);
          expect(waitMs).toBeLessThanOrEqual(300_000);
          expect(laneOpen(lane, now)).toBe(waitMs > 0);
          if (inRow < 5) expect(waitMs).toBe(0);
          // Whatever happened, a probe may begin once the wait is over.
          expect(laneLimit(lane, UNLIMITED, now + waitMs).waitMs).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the rate of a lane', () => {
  const limited = { concurrency: 20, ratePerSecond: 3 };

  it('waits for the end of the second when that is used up', () => {
    const two = times(2, began, IDLE_LANE);
    expect(laneLimit(two, limited, NOW + 400).waitMs).toBe(0);
    const three = began(two, NOW + 400);
    expect(laneLimit(three, limited, NOW + 400)).toEqual({ concurrency: 20, waitMs: 600 });
    expect(laneLimit(three, limited, NOW + 1000).waitMs).toBe(0);
    expect(laneOpen(three, NOW + 400)).toBe(false);
  });

  it('asks the breaker as well', () => {
    expect(laneLimit(times(3, began, opened), limited, NOW).waitMs).toBe(30_000);
    const probing = times(3, began, opened, NOW + 30_000);
    expect(laneLimit(probing, limited, NOW + 30_000)).toEqual({ concurrency: 1, waitMs: 1000 });
  });

  it('begins a window anew when the clock was set back', () => {
    const used = times(3, began, IDLE_LANE);
    expect(laneLimit(used, limited, NOW - 86_400_000).waitMs).toBe(0);
  });

  it('never lets more begin in a window than the rate, and never stops', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 5 }), (passes, ratePerSecond) => {
        let lane = IDLE_LANE;
        let now = NOW;
        const beginnings: number[] = [];
        for (const pass of passes) {
          now += pass;
          now += laneLimit(lane, { concurrency: 20, ratePerSecond }, now).waitMs;
          expect(laneLimit(lane, { concurrency: 20, ratePerSecond }, now).waitMs).toBe(0);
          lane = began(lane, now);
          beginnings.push(now);
        }
        // Windows stand next to each other at worst: two of them hold twice the rate.
        for (const start of beginnings) {
          const within = beginnings.filter((at) => at >= start && at < start + 1000);
          expect(within.length).toBeLessThanOrEqual(2 * ratePerSecond);
        }
        const windows = Math.ceil(passes.length / ratePerSecond);
        expect(now - NOW).toBeGreaterThanOrEqual((windows - 1) * 1000);
      }),
      { numRuns: 300 },
    );
  });
});
