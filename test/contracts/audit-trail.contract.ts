import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PageRequest } from '../../src/domain/page.ts';
import type { AuditQuery, AuditTrail } from '../../src/ports/audit-trail.ts';
import { anAuditEntry } from '../support/builders.ts';
import { pagesOf } from '../support/pages.ts';

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
    const search =
      (query: AuditQuery = {}) =>
      (page: PageRequest) =>
        harness.audit.search('default', query, page);
    const found = async (query: AuditQuery = {}) => (await pagesOf(search(query), 3)).flat();
    const actions = async (query: AuditQuery = {}) =>
      (await found(query)).map(({ action }) => action);

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
      const [second, first] = await found();
      expect(first).toEqual({ ...entry, id: expect.any(String), timestamp: expect.any(Number) });
      expect(first?.timestamp).toBeGreaterThanOrEqual(before);
      expect(first?.timestamp).toBeLessThanOrEqual(after);
      expect(first?.id).not.toBe(second?.id);
    });

    it('gives entries the latest first, page by page', async () => {
      const recorded = Array.from({ length: 300 }, (_, index) => `act-${index}`);
      const kept = await Promise.all(recorded.map(record));
      expect(kept.every(Boolean)).toBe(true);
      const pages = await pagesOf(search(), 200);
      expect(pages.map((page) => page.length)).toEqual([200, 100]);
      expect(pages.flat().map(({ action }) => action)).toEqual(recorded.toReversed());
    });

    it('goes on behind the cursor when newer ones have come', async () => {
      await record('first');
      await record('second');
      const { nextCursor } = await search()({ limit: 1 });
      await record('third');
      const next = await search()({ limit: 1, cursor: nextCursor ?? undefined });
      expect(next.data).toMatchObject([{ action: 'first' }]);
      expect(next.nextCursor).toBeNull();
    });

    it('refuses a cursor that it has not given', async () => {
      const refused = search()({ limit: 1, cursor: 'nonsense' });
      await expect(refused).rejects.toMatchObject({ details: [{ path: 'cursor' }] });
    });

    it('finds what matches every field that is given', async () => {
      const base = {
        eventType: 'DATA_X',
        severity: 'HIGH',
        outcome: 'FAILURE',
        userId: 'u-1',
        resource: 'sink/1',
      } as const;
      const others = {
        eventType: 'DATA_Y',
        severity: 'LOW',
        outcome: 'SUCCESS',
        userId: 'u-2',
        resource: 'sink/2',
      } as const;
      const fields = ['eventType', 'severity', 'outcome', 'userId', 'resource'] as const;
      await harness.audit.record(anAuditEntry({ ...base, action: 'all' }));
      for (const field of fields) {
        const other = { ...base, [field]: others[field], action: `another ${field}` };
        await harness.audit.record(anAuditEntry(other));
      }
      await harness.audit.record(anAuditEntry({ action: 'nobody' }));
      expect(await actions(base)).toEqual(['all']);
      expect(await actions({ ...base, resource: 'sink' })).toEqual([]);
      for (const field of fields) {
        expect(await actions({ ...base, [field]: others[field] })).toEqual([`another ${field}`]);
      }
    });

    it('finds by time: from one moment on, before another one', async () => {
      const times: number[] = [];
      for (const action of ['a', 'b', 'c']) {
        times.push(harness.now());
        await record(action);
        await harness.elapse(10);
      }
      const [from, before] = [times[1] ?? 0, times[2] ?? 0];
      expect(await actions({ from })).toEqual(['c', 'b']);
      expect(await actions({ before })).toEqual(['b', 'a']);
      expect(await actions({ from, before })).toEqual(['b']);
      expect(await actions({ from: before, before: from })).toEqual([]);
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
      const [, third] = await found();
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
