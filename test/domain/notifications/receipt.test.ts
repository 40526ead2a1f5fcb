import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  heldReceiptId,
  ReceiptCounter,
  sequenceOf,
  tokensContext,
} from '../../../src/domain/notifications/receipt.ts';

const START = Date.UTC(2026, 10, 22);

describe('receipt ids and sequences', () => {
  it('are milliseconds, counter and instance', () => {
    const counter = new ReceiptCounter('a1');
    expect(counter.next(1_763_733_600_123, 3)).toBe('001763733600123-00000-a1');
    expect(counter.next(1_763_733_600_123, 1)).toBe('001763733600123-00003-a1');
    expect(sequenceOf('001763733600123-00003-a1', 39)).toBe('001763733600123-00042-a1');
  });

  it('keep an instance whatever it is called', () => {
    expect(sequenceOf(new ReceiptCounter('a-b').next(START, 1), 0)).toMatch(/^\d{15}-00000-a-b$/);
  });

  it('are those of the POST for items that had been held, however late', () => {
    const posted = new ReceiptCounter('a1').next(START, 3);
    const held = heldReceiptId(posted, '316d7d58-aa65-44a5-846a-a1f7efde6362', '0f');
    expect(held).not.toBe(posted);
    expect(sequenceOf(held, 2)).toBe(sequenceOf(posted, 2));
    expect(tokensContext(held)).toBe(tokensContext(posted));
  });

  it('go on in the next millisecond where one is full', () => {
    const counter = new ReceiptCounter('a1');
    const first = counter.next(START, 99_999);
    const second = counter.next(START, 2);
    expect(sequenceOf(second, 0) > sequenceOf(first, 99_998)).toBe(true);
    expect(sequenceOf(second, 1)).toBe(new ReceiptCounter('a1').next(START + 1, 1));
  });

  it('rise with each receipt and place, are of one width, and never come twice', () => {
    const posts = fc.array(
      fc.record({
        // The clock stands, goes on, or is set back.
        stepMs: fc.oneof(
          fc.constant(0),
          fc.constantFrom(1, 2, 3, 50),
          fc.integer({ min: -100_000, max: -1 }),
        ),
        places: fc.oneof(
          fc.integer({ min: 1, max: 5 }),
          fc.constantFrom(0, 99_999, 100_000, 2_000_000),
        ),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(posts, (received) => {
        const counter = new ReceiptCounter('a1');
        let now = START;
        const sequences = received.flatMap(({ stepMs, places }) => {
          now += stepMs;
          const id = counter.next(now, places);
          expect(sequenceOf(id, 0)).toBe(id);
          return places > 1 ? [id, sequenceOf(id, places - 1)] : [id];
        });
        expect(sequences).toEqual([...new Set(sequences)].toSorted());
        expect(new Set(sequences.map(({ length }) => length))).toEqual(new Set([24]));
      }),
      { numRuns: 500 },
    );
  });
});
