import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { verdictOnSink } from '../../../src/domain/delivery/sink-health.ts';

const NOW = Date.UTC(2026, 10, 22);
const FIVE_DAYS = 5 * 86_400_000;
const well = { enabled: true, failingSince: null };
const failing = (forMs: number) => ({ enabled: true, failingSince: NOW - forMs });

describe('what a try means for its sink', () => {
  it('begins to count at the first failure', () => {
    const verdict = verdictOnSink(well, { outcome: 'retry' }, NOW);
    expect(verdict).toEqual({ action: 'failing-since', at: NOW });
  });

  it('stops counting at a success', () => {
    const verdict = verdictOnSink(failing(1), { outcome: 'delivered' }, NOW);
    expect(verdict).toEqual({ action: 'failing-since', at: null });
  });

  it('has nothing to say where nothing changes', () => {
    expect(verdictOnSink(well, { outcome: 'delivered' }, NOW)).toEqual({ action: 'nothing' });
    expect(verdictOnSink(failing(1), { outcome: 'retry' }, NOW)).toEqual({ action: 'nothing' });
  });

  it('disables after five days of failures, not a millisecond earlier', () => {
    const retry = { outcome: 'retry' } as const;
    expect(verdictOnSink(failing(FIVE_DAYS - 1), retry, NOW)).toEqual({ action: 'nothing' });
    expect(verdictOnSink(failing(FIVE_DAYS), retry, NOW)).toEqual({
      action: 'disable',
      reason: 'failing-for-5-days',
    });
  });

  it('takes a refusal for an answer: it neither counts nor forgives', () => {
    const refused = { outcome: 'dead', gone: false } as const;
    expect(verdictOnSink(well, refused, NOW)).toEqual({ action: 'nothing' });
    expect(verdictOnSink(failing(2 * FIVE_DAYS), refused, NOW)).toEqual({ action: 'nothing' });
  });

  it('disables at once what says 410', () => {
    const gone = { outcome: 'dead', gone: true } as const;
    expect(verdictOnSink(well, gone, NOW)).toEqual({ action: 'disable', reason: 'gone' });
  });

  it('never touches a sink that is disabled, and disables for no other reasons', () => {
    const tries = fc.record({
      outcome: fc.constantFrom('delivered' as const, 'retry' as const, 'dead' as const),
      gone: fc.boolean(),
      enabled: fc.boolean(),
      failingForMs: fc.option(fc.integer({ min: -FIVE_DAYS, max: 3 * FIVE_DAYS })),
    });
    fc.assert(
      fc.property(tries, ({ outcome, enabled, failingForMs, ...rest }) => {
        const gone = outcome === 'dead' && rest.gone;
        const failingSince = failingForMs === null ? null : NOW - failingForMs;
        const verdict = verdictOnSink({ enabled, failingSince }, { outcome, gone }, NOW);
        if (!enabled) return expect(verdict.action).toBe('nothing');
        const hasFailed = outcome === 'retry' && (failingForMs ?? 0) >= FIVE_DAYS;
        expect(verdict.action === 'disable').toBe(gone || hasFailed);
      }),
      { numRuns: 500 },
    );
  });
});
