import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Ledger } from '../../src/simulation/ledger.ts';
import { createReport } from '../../src/simulation/report.ts';

const genuine = (number: number) => ({ number, forgery: null });
const forged = (number: number) => ({ number, forgery: 'tenant' as const });
const event = (number: number, changes = {}) => ({
  eventId: `event-${number}`,
  itemId: `simulated-${number}`,
  sequence: `00${number}`,
  forged: false,
  ...changes,
});

function acknowledged(...numbers: number[]): Ledger {
  const ledger = new Ledger();
  const items = numbers.map(genuine);
  ledger.sending(items);
  ledger.acknowledged(items);
  return ledger;
}

function isOk(ledger: Ledger): boolean {
  const acks = { ackMs: { p50: 1, p99: 1 }, over3s: 0, over10s: 0 };
  return createReport({ seed: 1, ledger: ledger.figures(), acks, leftBehind: [] }).ok;
}

describe('the ledger', () => {
  it('misses what was acknowledged and did not arrive', () => {
    const ledger = acknowledged(1, 2, 3);
    ledger.arrived(event(1));
    ledger.arrived(event(3));
    expect(ledger.figures()).toMatchObject({ sent: 3, acknowledged: 3, delivered: 2, missing: 1 });
    expect(isOk(ledger)).toBe(false);
    ledger.arrived(event(2));
    expect(ledger.figures()).toMatchObject({ missing: 0, outOfOrder: 1 });
    expect(isOk(ledger)).toBe(true);
  });

  it('does not miss what was not acknowledged, nor what came before its acknowledgement', () => {
    const ledger = new Ledger();
    ledger.sending([genuine(1), genuine(2)]);
    ledger.arrived(event(1));
    expect(ledger.figures()).toMatchObject({ acknowledged: 0, delivered: 1, missing: 0 });
    ledger.acknowledged([genuine(1)]);
    expect(ledger.figures()).toMatchObject({ acknowledged: 1, delivered: 1, missing: 0 });
    expect(isOk(ledger)).toBe(true);
  });

  it('allows duplicates, but not under another id', () => {
    const ledger = acknowledged(1, 2);
    for (const number of [1, 2, 1, 1]) ledger.arrived(event(number));
    expect(ledger.figures()).toMatchObject({ delivered: 2, duplicates: 2, changedIds: 0 });
    expect(isOk(ledger)).toBe(true);
    ledger.arrived(event(2, { eventId: 'another' }));
    ledger.arrived(event(2, { eventId: 'a third' }));
    expect(ledger.figures()).toMatchObject({ duplicates: 4, changedIds: 1 });
    expect(isOk(ledger)).toBe(false);
  });

  it('is not content with forgeries, nor with what nobody sent', () => {
    const withForgery = acknowledged(1);
    withForgery.sending([forged(1)]);
    withForgery.acknowledged([forged(1)]);
    withForgery.arrived(event(1));
    expect(withForgery.figures()).toMatchObject({ sent: 1, forgedSent: 1, missing: 0 });
    expect(isOk(withForgery)).toBe(true);
    withForgery.arrived(event(1, { forged: true }));
    expect(withForgery.figures()).toMatchObject({ forgedDelivered: 1, delivered: 1 });
    expect(isOk(withForgery)).toBe(false);

    const withStranger = acknowledged(1);
    withStranger.arrived(event(1));
    withStranger.arrived(event(4711));
    expect(withStranger.figures()).toMatchObject({ unverified: 1, delivered: 1 });
    expect(isOk(withStranger)).toBe(false);
  });

  it('does not take a forgery for the genuine one', () => {
    const ledger = acknowledged(1);
    ledger.arrived(event(1, { forged: true }));
    expect(ledger.figures()).toMatchObject({ delivered: 0, missing: 1 });
  });

  it('is not content with a service that acknowledged nothing', () => {
    expect(isOk(new Ledger())).toBe(false);
  });

  it('counts every arrival and loses none, whatever the order', () => {
    const numbers = fc.array(fc.nat(9), { maxLength: 60 });
    fc.assert(
      fc.property(numbers, numbers, (acks, arrivals) => {
        const ledger = new Ledger();
        ledger.sending([...Array(10).keys()].map(genuine));
        const steps = Math.max(acks.length, arrivals.length);
        for (let step = 0; step < steps; step += 1) {
          ledger.acknowledged(acks.slice(step, step + 1).map(genuine));
          for (const number of arrivals.slice(step, step + 1)) ledger.arrived(event(number));
        }
        const { missing, delivered, duplicates } = ledger.figures();
        const arrived = new Set(arrivals);
        expect(missing).toBe(new Set(acks.filter((number) => !arrived.has(number))).size);
        expect(delivered).toBe(new Set(arrivals).size);
        expect(delivered + duplicates).toBe(arrivals.length);
        expect(ledger.arrivals).toBe(arrivals.length);
      }),
      { numRuns: 200 },
    );
  });
});
