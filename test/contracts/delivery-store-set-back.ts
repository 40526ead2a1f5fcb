import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { anOutcome } from '../support/builders.ts';
import {
  claimOf,
  NOW,
  storeDelivery,
  tryOnce,
  type DeliveryStoreHarness,
} from './delivery-store-harness.ts';

const HOUR = 3_600_000;

/** What was written before the clock was set back. */
export function describeSetBack(open: () => Promise<DeliveryStoreHarness>): void {
  describe('after the clock was set back', () => {
    let harness: DeliveryStoreHarness;
    let sinkId: string;
    beforeAll(async () => {
      harness = await open();
    });
    beforeEach(() => {
      sinkId = randomUUID();
    });
    afterAll(() => harness.close());

    const after = NOW + 60_000;
    const setBack = { now: NOW, after, latest: NOW + 24 * HOUR };
    const bringForward = (limit = 100) =>
      harness.store.bringForward([randomUUID(), sinkId], setBack, limit);
    const storeAt = (dueAt: number) => storeDelivery(harness.store, { sinkId, dueAt });
    const dueNow = async () =>
      (await harness.store.due(sinkId, NOW, 100)).map(({ id }) => id).toSorted();
    async function storeTried(startedAt: number, dueAt: number): Promise<string> {
      const { id } = (await storeAt(startedAt)).delivery;
      await tryOnce(harness.store, id, { outcome: anOutcome('due', dueAt, { startedAt }) });
      return id;
    }

    it('makes due what was made, or tried last, in a time to come', async () => {
      const made = (await storeAt(NOW + 3 * HOUR)).delivery.id;
      const tried = await storeTried(NOW + 3 * HOUR, NOW + 4 * HOUR);
      expect(await dueNow()).toEqual([]);
      expect(await bringForward()).toBe(2);
      expect(await harness.store.due(sinkId, NOW, 100)).toEqual(
        expect.arrayContaining([
          { id: made, generation: 1, dueAt: NOW, lapsed: false, attempt: 0 },
          { id: tried, generation: 3, dueAt: NOW, lapsed: false, attempt: 1 },
        ]),
      );
      expect(await bringForward()).toBe(0);
    });

    it('makes due what waits longer than anything may', async () => {
      const id = await storeTried(NOW - HOUR, setBack.latest + 1);
      expect(await bringForward()).toBe(1);
      expect(await dueNow()).toEqual([id]);
    });

    it('leaves alone a retry that waits for its time, and what is due soon or not at all', async () => {
      await storeTried(NOW - HOUR, NOW + 7 * HOUR);
      await storeAt(after);
      const dead = (await storeAt(NOW + HOUR)).delivery.id;
      await tryOnce(harness.store, dead, { outcome: anOutcome('dead', NOW + 2 * HOUR) });
      expect(await bringForward()).toBe(0);
      expect(await dueNow()).toEqual([]);
    });

    it('judges by the last try: one that has failed since waits for its time', async () => {
      const id = await storeTried(NOW + 3 * HOUR, NOW + 4 * HOUR);
      expect(await bringForward()).toBe(1);
      const outcome = anOutcome('due', NOW + HOUR, { startedAt: NOW });
      await tryOnce(harness.store, id, { generation: 3, outcome });
      expect(await bringForward()).toBe(0);
    });

    it('leaves alone the deliveries of other sinks', async () => {
      const { delivery } = await storeDelivery(harness.store, { dueAt: NOW + HOUR });
      expect(await bringForward()).toBe(0);
      expect(await harness.store.due(delivery.sinkId, NOW, 1)).toEqual([]);
    });

    it('brings forward at most as many as are asked for, and in the end all', async () => {
      for (let n = 0; n < 5; n += 1) await storeAt(NOW + HOUR);
      expect([await bringForward(3), await bringForward(3)]).toEqual([3, 2]);
      expect(await dueNow()).toHaveLength(5);
    });

    it('shortens a lease, and leaves it to its holder', async () => {
      const { id } = (await storeAt(NOW)).delivery;
      const generation = await claimOf(harness.store, id);
      await harness.store.renew(id, generation, NOW + 3 * HOUR);
      await bringForward();
      expect(await harness.store.due(sinkId, after - 1, 1)).toEqual([]);
      expect(await harness.store.due(sinkId, after, 1)).toMatchObject([{ id, lapsed: true }]);
      expect(await harness.store.renew(id, generation, NOW + 15_000)).toBe(true);
    });
  });
}
