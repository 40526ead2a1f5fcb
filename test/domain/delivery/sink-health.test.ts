import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { verdictOnSink } from '../../../src/domain/delivery/sink-health.ts';

const NOW = Date.UTC(2026, 10, 22);
const DAY = 86_400_000;
const FIVE_DAYS = 5 * DAY;
const well = { enabled: true, failingSince: null, lastFailedAt: undefined };
const failing = (forMs: number, lastForMs = 0) => ({
  enabled: true,
  failingSince: NOW - forMs,
  lastFailedAt: NOW - lastForMs,
});

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

  it('begins anew after two days of which nothing is known', () => {
    const retry = { outcome: 'retry' } as const;
    expect(verdictOnSink(failing(FIVE_DAYS, 2 * DAY), retry, NOW).action).toBe('disable');
    expect(verdictOnSink(failing(FIVE_DAYS, 2 * DAY + 1), retry, NOW)).toEqual({
      action: 'failing-since',
      at: NOW,
    });
  });

  it('waits for a second failure where it has seen none itself', () => {
    const unseen = { ...failing(FIVE_DAYS), lastFailedAt: undefined };
    expect(verdictOnSink(unseen, { outcome: 'retry' }, NOW)).toEqual({ action: 'nothing' });
  });

  it('takes a refusal for an answer', () => {
    const refused = { outcome: 'dead', gone: false } as const;
    expect(verdictOnSink(well, refused, NOW)).toEqual({ action: 'nothing' });
    const verdict = verdictOnSink(failing(2 * FIVE_DAYS), refused, NOW);
    expect(verdict).toEqual({ action: 'failing-since', at: null });
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
      lastForMs: fc.option(fc.integer({ min: -DAY, max: 4 * DAY }), { nil: undefined }),
    });
    fc.assert(
      fc.property(tries, ({ outcome, enabled, failingForMs, lastForMs, ...rest }) => {
        const gone = outcome === 'dead' && rest.gone;
        const failingSince = failingForMs === null ? null : NOW - failingForMs;
        const lastFailedAt = lastForMs === undefined ? undefined : NOW - lastForMs;
        const known = { enabled, failingSince, lastFailedAt };
        const verdict = verdictOnSink(known, { outcome, gone }, NOW);
        if (!enabled) return expect(verdict.action).toBe('nothing');
        const hasFailed = outcome === 'retry' && (failingForMs ?? 0) >= FIVE_DAYS;
        const isSteady = lastForMs !== undefined && lastForMs <= 2 * DAY;
        expect(verdict.action === 'disable').toBe(gone || (hasFailed && isSteady));
      }),
      { numRuns: 500 },
    );
  });
});
