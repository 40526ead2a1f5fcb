import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditTrail } from '../../src/ports/audit-trail.ts';
import { anAuditEntry } from '../support/builders.ts';

export interface AuditTrailHarness {
  readonly audit: AuditTrail;
  readonly now: () => number;
  /** Lets time pass for the trail. */
  elapse(ms: number): Promise<void>;
  /** Closes it and opens it again on what it kept. */
  reopen(): Promise<AuditTrailHarness>;
  close(): Promise<void>;
}

/** What `AuditTrail` promises. Every adapter runs all of it; none opts out of a case. */
export function describeAuditTrail(adapter: string, open: () => Promise<AuditTrailHarness>): void {
  describe(`AuditTrail contract: ${adapter}`, () => {
    let harness: AuditTrailHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const record = (action: string) => harness.audit.record(anAuditEntry({ action }));
    const actions = async (limit = 200) =>
      (await harness.audit.latest('default', limit)).map(({ action }) => action);

    it('keeps an entry whole, under the present time and an id of its own', async () => {
      const entry = anAuditEntry({
        severity: 'CRITICAL',
        outcome: 'ERROR',
        userId: 'u-1',
        ipAddress: '2001:db8::1',
        userAgent: 'curl/8 ✓',
        resource: 'sink/1',
        action: 'add',
        requestId: 'r-1',
        details: { text: 'é', number: 1.5, truth: false, nothing: null },
        errorMessage: 'refused',
      });
      const before = harness.now();
      expect(await harness.audit.record(entry)).toBe(true);
      expect(await record('second')).toBe(true);
      const after = harness.now();
      harness = await harness.reopen();
      const [second, first] = await harness.audit.latest('default', 2);
      expect(first).toEqual({ ...entry, id: expect.any(String), timestamp: expect.any(Number) });
      expect(first?.timestamp).toBeGreaterThanOrEqual(before);
      expect(first?.timestamp).toBeLessThanOrEqual(after);
      expect(first?.id).not.toBe(second?.id);
    });

    it('keeps entries in the order in which they were recorded, the latest first', async () => {
      const recorded = Array.from({ length: 300 }, (_, index) => `act-${index}`);
      const kept = await Promise.all(recorded.map(record));
      expect(kept.every(Boolean)).toBe(true);
      expect(await actions(3)).toEqual(['act-299', 'act-298', 'act-297']);
      expect(await actions(1000)).toEqual(recorded.toReversed().slice(0, 200));
    });

    it('gives the entries of one organisation', async () => {
      await record('own');
      await harness.audit.record(anAuditEntry({ organizationId: 'other', action: 'foreign' }));
      expect(await actions()).toEqual(['own']);
    });

    it('purges what is older, the oldest first, at most as many as are asked for', async () => {
      for (const action of ['a', 'b', 'c', 'd']) {
        await record(action);
        await harness.elapse(10);
      }
      const [, third] = await harness.audit.latest('default', 2);
      const before = third?.timestamp ?? 0;
      expect(await harness.audit.purge(before, 1)).toBe(1);
      expect(await actions()).toEqual(['d', 'c', 'b']);
      expect(await harness.audit.purge(before, 10)).toBe(1);
      expect(await harness.audit.purge(before, 10)).toBe(0);
      harness = await harness.reopen();
      expect(await actions()).toEqual(['d', 'c']);
    });
  });
}
