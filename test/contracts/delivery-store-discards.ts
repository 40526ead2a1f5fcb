import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { anOutcome, aSink } from '../support/builders.ts';
import {
  aReplayOf,
  claimOf,
  LEASE,
  NOW,
  storeDead,
  storeDelivery,
  tryOnce,
  type DeliveryStoreHarness,
} from './delivery-store-harness.ts';

/** What is given up for good, and what waits for a sink. */
export function describeDiscards(open: () => Promise<DeliveryStoreHarness>): void {
  describe('discards', () => {
    let harness: DeliveryStoreHarness;
    let organizationId: string;
    let sinkId: string;
    beforeAll(async () => {
      harness = await open();
    });
    beforeEach(() => {
      organizationId = randomUUID();
      sinkId = randomUUID();
    });
    afterAll(() => harness.close());

    const LATER = NOW + 100_000;
    const changes = () => ({ sinkId, notification: { organizationId } });
    const store = () => storeDelivery(harness.store, changes());
    const storeClaimed = async () => {
      const stored = await store();
      await claimOf(harness.store, stored.delivery.id);
      return stored;
    };
    const storeDelivered = async () => {
      const stored = await store();
      const outcome = anOutcome('delivered', NOW);
      await tryOnce(harness.store, stored.delivery.id, { outcome });
      return stored;
    };
    const die = () => storeDead(harness.store, NOW, changes());
    const discard = (...ids: string[]) => harness.store.discard(organizationId, ids, LATER);
    const stateOf = async ({ notification }: { notification: { id: string } }) =>
      (await harness.store.deliveriesOf(notification.id)).map(({ state }) => state);

    it('gives up dead ones: no longer dead letters, shown with their attempts', async () => {
      const dead = await die();
      const before = await harness.store.countDead();
      expect(await discard(dead.delivery.id)).toBe(1);
      harness = await harness.reopen();
      expect(await harness.store.deliveriesOf(dead.notification.id)).toMatchObject([
        {
          state: 'discarded',
          dueAt: LATER,
          finishedAt: LATER,
          generation: 3,
          reason: 'http-503',
          attempts: [{ number: 1, outcome: 'dead' }],
        },
      ]);
      expect(await harness.store.countDead()).toBe(before - 1);
      const page = await harness.store.deadLetters(organizationId, {}, { limit: 10 });
      expect(page.data).toEqual([]);
    });

    it('gives them up for good: no claim, no redrive, no sweep brings them back', async () => {
      const { delivery } = await die();
      await discard(delivery.id);
      for (const generation of [2, 3, 4]) {
        expect(await harness.store.claim(delivery.id, generation, LEASE)).toBeUndefined();
      }
      expect(await harness.store.redrive(organizationId, [delivery.id], LATER)).toEqual([]);
      expect(await harness.store.due(sinkId, LATER + 1_000_000, 10)).toEqual([]);
      expect(await discard(delivery.id)).toBe(0);
    });

    it('leaves alone what is not dead, not there or of another organisation', async () => {
      const others = [
        await store(),
        await storeClaimed(),
        await storeDelivered(),
        await storeDead(harness.store, NOW, { notification: { organizationId: 'other' } }),
      ];
      const states = () => Promise.all(others.map(stateOf));
      const dead = await die();
      const before = await states();
      const ids = [...others.map(({ delivery }) => delivery.id), 'nothing', dead.delivery.id];
      expect(await discard(...ids)).toBe(1);
      expect(await states()).toEqual(before);
      expect(await stateOf(dead)).toEqual(['discarded']);
    });

    it('gives one up once, however often it is asked, and decides against a redrive', async () => {
      const { delivery } = await die();
      const { id } = delivery;
      const counts = await Promise.all(Array.from({ length: 5 }, () => discard(id, id)));
      expect(counts.reduce((sum, count) => sum + count)).toBe(1);

      const rival = await die();
      const [redriven, discarded] = await Promise.all([
        harness.store.redrive(organizationId, [rival.delivery.id], LATER),
        discard(rival.delivery.id),
      ]);
      expect(redriven.length + discarded).toBe(1);
      expect(await stateOf(rival)).toEqual([discarded === 1 ? 'discarded' : 'due']);
    });

    it('gives up what is open or dead of a sink that is removed', async () => {
      const unfinished = [await store(), await storeClaimed(), await die()];
      const delivered = await storeDelivered();
      const neighbour = await storeDelivery(harness.store);
      expect(await harness.store.discardForSink(sinkId, LATER, 100)).toBe(3);
      harness = await harness.reopen();
      for (const stored of unfinished) expect(await stateOf(stored)).toEqual(['discarded']);
      expect(await stateOf(delivered)).toEqual(['delivered']);
      expect(await stateOf(neighbour)).toEqual(['due']);
      expect(await harness.store.discardForSink(sinkId, LATER, 100)).toBe(0);
    });

    it('gives up at most as many of a sink as are asked for, and in the end all', async () => {
      for (let round = 0; round < 2; round += 1) {
        await store();
        await storeClaimed();
        await die();
      }
      const counts = [];
      for (let calls = 0; calls < 4; calls += 1) {
        counts.push(await harness.store.discardForSink(sinkId, LATER, 4));
      }
      expect(counts).toEqual([4, 2, 0, 0]);
      expect(await harness.store.depth(sinkId)).toMatchObject({ due: 0, claimed: 0, dead: 0 });
    });

    it('lets no holder write about one of a sink that was removed under it', async () => {
      const stored = await store();
      const { id } = stored.delivery;
      const generation = await claimOf(harness.store, id);
      await harness.store.discardForSink(sinkId, LATER, 10);
      expect(await harness.store.finish(id, generation, anOutcome('delivered', NOW))).toBe(false);
      expect(await harness.store.renew(id, generation, LEASE)).toBe(false);
      expect(await harness.store.release(id, generation, NOW)).toBe(false);
      expect(await harness.store.deliveriesOf(stored.notification.id)).toMatchObject([
        { state: 'discarded', generation: generation + 1, finishedAt: LATER, attempts: [] },
      ]);
    });

    it('finds sinks that are gone for good while something open or dead is left of them', async () => {
      const [kept, deleted, gone] = [aSink(), aSink(), aSink()];
      for (const { id } of [kept, deleted, gone]) {
        await storeDelivery(harness.store, { sinkId: id });
        await harness.sinks.insert(aSink({ id }));
      }
      for (const { id } of [deleted, gone]) await harness.sinks.softDelete('default', id, NOW);
      await harness.sinks.permanentlyDelete('default', gone.id);
      const [claimed, dead] = [await storeClaimed(), await storeDead(harness.store, NOW)];
      const { sinkId: done } = (await storeDelivery(harness.store)).delivery;
      await harness.store.discardForSink(done, LATER, 10);

      const found = await harness.store.sinksGone();
      const wanted = [gone.id, claimed.delivery.sinkId, dead.delivery.sinkId];
      expect(found).toEqual(expect.arrayContaining(wanted));
      for (const id of [kept.id, deleted.id, done]) expect(found).not.toContain(id);
    });

    it('counts what waits for a sink, and since when', async () => {
      expect(await harness.store.depth(sinkId)).toEqual({
        due: 0,
        claimed: 0,
        dead: 0,
        oldestCreatedAt: null,
      });
      await storeClaimed();
      await die();
      await die();
      await storeDelivered();
      await storeDelivery(harness.store);
      const counted = { claimed: 1, dead: 2 };
      expect(await harness.store.depth(sinkId)).toEqual({
        ...counted,
        due: 0,
        oldestCreatedAt: null,
      });
      const { delivery } = await store();
      const replays = [1, 2].map((n) => ({
        ...aReplayOf(delivery),
        createdAt: NOW + n,
        dueAt: NOW - n,
      }));
      await harness.store.insertDeliveries(replays);
      harness = await harness.reopen();
      expect(await harness.store.depth(sinkId)).toEqual({
        ...counted,
        due: 3,
        oldestCreatedAt: NOW,
      });
      await claimOf(harness.store, delivery.id);
      expect(await harness.store.depth(sinkId)).toEqual({
        dead: 2,
        claimed: 2,
        due: 2,
        oldestCreatedAt: NOW + 1,
      });
    });
  });
}
