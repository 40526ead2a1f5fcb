import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  isOverlapOver,
  rotated,
  signingSecrets,
} from '../../../src/domain/delivery/secret-rotation.ts';

const NOW = Date.UTC(2026, 10, 22);
const HOUR = 3_600_000;

const alone = (secret: string) => ({ secrets: [secret], previousSecretsUntil: null });

/** Rotates as its use case does: from what signs at that time. */
function rotate(
  before: ReturnType<typeof rotated<string>>,
  fresh: string,
  { overlapMs, now }: { overlapMs: number; now: number },
) {
  return rotated(fresh, signingSecrets(before.secrets, before, now), { overlapMs, now });
}

describe('the rotation of secrets', () => {
  it('puts the new one first, and lets the one before sign until its time is over', () => {
    const after = rotate(alone('old'), 'new', { overlapMs: 24 * HOUR, now: NOW });
    const end = NOW + 24 * HOUR;
    expect(after).toEqual({ secrets: ['new', 'old'], previousSecretsUntil: end });
    expect(signingSecrets(after.secrets, after, end - 1)).toEqual(['new', 'old']);
    expect(isOverlapOver(after, end - 1)).toBe(false);
    expect(signingSecrets(after.secrets, after, end)).toEqual(['new']);
    expect(isOverlapOver(after, end)).toBe(true);
  });

  it('drops all that were before at once when there is no overlap', () => {
    const first = rotate(alone('a'), 'b', { overlapMs: HOUR, now: NOW });
    expect(rotate(first, 'c', { overlapMs: 0, now: NOW })).toEqual(alone('c'));
  });

  it('keeps both of those that sign when it is rotated twice in a row', () => {
    const first = rotate(alone('a'), 'b', { overlapMs: HOUR, now: NOW });
    const second = rotate(first, 'c', { overlapMs: HOUR, now: NOW + 1 });
    expect(second.secrets).toEqual(['c', 'b', 'a']);
  });

  it('takes nothing along that signs no longer', () => {
    const first = rotate(alone('a'), 'b', { overlapMs: HOUR, now: NOW });
    expect(rotate(first, 'c', { overlapMs: HOUR, now: NOW + HOUR }).secrets).toEqual(['c', 'b']);
  });

  it('leaves a sink that was never rotated with its secret', () => {
    expect(signingSecrets(['a'], alone('a'), NOW)).toEqual(['a']);
    expect(isOverlapOver(alone('a'), NOW)).toBe(false);
  });

  it('always signs with the newest first, and with three at most', () => {
    const step = fc.record({
      overlapMs: fc.constantFrom(0, 1, HOUR, 168 * HOUR),
      waitMs: fc.constantFrom(0, 1, HOUR, 200 * HOUR),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let now = NOW;
        let state: ReturnType<typeof rotated<string>> = alone('0');
        for (const [index, { overlapMs, waitMs }] of steps.entries()) {
          state = rotate(state, String(index + 1), { overlapMs, now });
          const signing = signingSecrets(state.secrets, state, now);
          expect(signing[0]).toBe(String(index + 1));
          expect(signing.length).toBeLessThanOrEqual(3);
          expect(signing).toEqual(overlapMs === 0 ? [String(index + 1)] : state.secrets);
          now += waitMs;
        }
      }),
      { numRuns: 200 },
    );
  });
});
