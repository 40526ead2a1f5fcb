import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { AckWindow } from '../../../src/domain/notifications/ack-window.ts';

const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 10, 22);

describe('the answers of the last ten minutes', () => {
  it('have no slow ones as long as there are none at all', () => {
    expect(new AckWindow().ratios(START)).toEqual({ slow: 0, drop: 0 });
  });

  it('count as slow beyond 3 s and as dropped beyond 10 s, as Graph has it', () => {
    const acks = new AckWindow();
    for (const seconds of [0.01, 3, 3.001, 10, 10.001]) acks.add(seconds, START);
    expect(acks.ratios(START)).toEqual({ slow: 3 / 5, drop: 1 / 5 });
  });

  it('are forgotten after ten minutes, some seconds early at most', () => {
    const acks = new AckWindow();
    acks.add(11, START);
    acks.add(0, START + 5 * MINUTE_MS);
    expect(acks.ratios(START + 10 * MINUTE_MS - 10_000)).toEqual({ slow: 1 / 2, drop: 1 / 2 });
    expect(acks.ratios(START + 10 * MINUTE_MS)).toEqual({ slow: 0, drop: 0 });
  });

  it('do not come back when nobody asked or answered for an hour', () => {
    const acks = new AckWindow();
    acks.add(11, START);
    acks.add(0, START + 60 * MINUTE_MS);
    expect(acks.ratios(START + 60 * MINUTE_MS)).toEqual({ slow: 0, drop: 0 });
  });

  it('are the shares that counting them one by one gives', () => {
    const answer = fc.record({
      seconds: fc.constantFrom(0, 4, 12),
      afterMs: fc.integer({ min: 0, max: 3 * MINUTE_MS }),
    });
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 40 }), (answers) => {
        const acks = new AckWindow();
        const all: { seconds: number; at: number }[] = [];
        let now = START;
        for (const { seconds, afterMs } of answers) {
          now += afterMs;
          acks.add(seconds, now);
          all.push({ seconds, at: now });
          // Whole slots of ten seconds: the oldest one is left out as soon as it is not whole.
          const from = (Math.floor(now / 10_000) - 59) * 10_000;
          const recent = all.filter(({ at }) => at >= from);
          const share = (beyond: number) =>
            recent.filter((one) => one.seconds > beyond).length / recent.length;
          expect(acks.ratios(now)).toEqual({ slow: share(3), drop: share(10) });
        }
      }),
    );
  });
});
