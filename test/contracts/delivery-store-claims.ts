import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { anEnvelope, anOutcome } from '../support/builders.ts';
import {
  claimOf,
  LEASE,
  NOW,
  storeDead,
  storeDelivery,
  tryOnce,
  type DeliveryStoreHarness,
} from './delivery-store-harness.ts';

/** Who may try a delivery, and what becomes of it. */
export function describeClaims(open: () => Promise<DeliveryStoreHarness>): void {
  describe('claims', () => {
    let harness: DeliveryStoreHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const stateOf = async (notificationId: string) => {
      const [delivery] = await harness.store.deliveriesOf(notificationId);
      return delivery;
    };
    const dueIds = async (sinkId: string, now: number, limit = 100) =>
      (await harness.store.due(sinkId, now, limit)).map(({ id }) => id);

    it('gives what is due of a sink, the longest due first, at most as many as asked', async () => {
      const sinkId = randomUUID();
      const at = (dueAt: number) => storeDelivery(harness.store, { sinkId, dueAt });
      const second = await at(NOW);
      const later = await at(NOW + 1);
      const first = await at(NOW - 1000);
      await storeDelivery(harness.store, { dueAt: NOW - 5000 });
      expect(await harness.store.due(sinkId, NOW, 100)).toEqual([
        { id: first.delivery.id, generation: 0, dueAt: NOW - 1000, lapsed: false, attempt: 0 },
        { id: second.delivery.id, generation: 0, dueAt: NOW, lapsed: false, attempt: 0 },
      ]);
      expect(await dueIds(sinkId, NOW, 1)).toEqual([first.delivery.id]);
      expect(await dueIds(sinkId, NOW + 1)).toContain(later.delivery.id);
    });

    it('hands a claimed delivery over with its notification', async () => {
      const { notification, delivery } = await storeDelivery(harness.store);
      const claimed = await harness.store.claim(delivery.id, 0, LEASE);
      const expected = {
        ...delivery,
        state: 'claimed',
        dueAt: LEASE,
        attempt: 0,
        generation: 1,
        finishedAt: null,
        reason: null,
      };
      expect(claimed).toEqual({ delivery: expected, notification });
      harness = await harness.reopen();
      expect(await stateOf(notification.id)).toEqual({ ...expected, attempts: [] });
    });

    it('lets one of 20 concurrent claims win', async () => {
      const { delivery } = await storeDelivery(harness.store);
      const claims = await Promise.all(
        Array.from({ length: 20 }, () => harness.store.claim(delivery.id, 0, LEASE)),
      );
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
    });

    it('claims one that is not due yet: when is the caller’s to decide', async () => {
      const { delivery } = await storeDelivery(harness.store, { dueAt: NOW + 60_000 });
      expect(await harness.store.claim(delivery.id, 0, LEASE)).toBeDefined();
    });

    it('claims nothing that is claimed, delivered, dead, of another generation or not there', async () => {
      const { delivery } = await storeDelivery(harness.store);
      const claim = (generation: number) => harness.store.claim(delivery.id, generation, LEASE);
      expect(await claim(1)).toBeUndefined();
      const held = await claimOf(harness.store, delivery.id);
      expect(await claim(held)).toBeUndefined();
      await harness.store.finish(delivery.id, held, anOutcome('delivered', NOW));
      expect(await claim(held + 1)).toBeUndefined();
      expect(await harness.store.claim('nothing', 0, LEASE)).toBeUndefined();
      const dead = await storeDead(harness.store, NOW);
      expect(await harness.store.claim(dead.delivery.id, 2, LEASE)).toBeUndefined();
    });

    it('gives a claim as lapsed once its lease is over, and not before', async () => {
      const sinkId = randomUUID();
      const { delivery } = await storeDelivery(harness.store, { sinkId });
      const generation = await claimOf(harness.store, delivery.id);
      expect(await dueIds(sinkId, LEASE - 1)).toEqual([]);
      harness = await harness.reopen();
      expect(await harness.store.due(sinkId, LEASE, 10)).toEqual([
        { id: delivery.id, generation, dueAt: LEASE, lapsed: true, attempt: 0 },
      ]);
    });

    it('orders lapsed and due ones together, the longest due first', async () => {
      const sinkId = randomUUID();
      const at = (dueAt: number) => storeDelivery(harness.store, { sinkId, dueAt });
      const [early, lapsed, late] = [await at(NOW), await at(NOW), await at(LEASE + 1)];
      await claimOf(harness.store, lapsed.delivery.id);
      const ids = [early, lapsed, late].map(({ delivery }) => delivery.id);
      expect(await dueIds(sinkId, LEASE + 1)).toEqual(ids);
      expect(await dueIds(sinkId, LEASE + 1, 2)).toEqual(ids.slice(0, 2));
    });

    it('renews a lease of the holder, who keeps the generation', async () => {
      const sinkId = randomUUID();
      const { delivery } = await storeDelivery(harness.store, { sinkId });
      const generation = await claimOf(harness.store, delivery.id);
      expect(await harness.store.renew(delivery.id, generation, LEASE + 5000)).toBe(true);
      harness = await harness.reopen();
      expect(await dueIds(sinkId, LEASE + 4999)).toEqual([]);
      expect(await harness.store.finish(delivery.id, generation, anOutcome('delivered', NOW))).toBe(
        true,
      );
    });

    it('renews nothing for one who does not hold it', async () => {
      const { notification, delivery } = await storeDelivery(harness.store);
      expect(await harness.store.renew(delivery.id, 0, LEASE)).toBe(false);
      const generation = await claimOf(harness.store, delivery.id);
      expect(await harness.store.renew(delivery.id, generation - 1, LEASE + 1)).toBe(false);
      expect(await harness.store.renew(delivery.id, generation + 1, LEASE + 1)).toBe(false);
      expect(await harness.store.renew('nothing', generation, LEASE)).toBe(false);
      expect((await stateOf(notification.id))?.dueAt).toBe(LEASE);
    });

    it('writes a delivery that was delivered, with its attempt', async () => {
      const sinkId = randomUUID();
      const { notification, delivery } = await storeDelivery(harness.store, { sinkId });
      const outcome = anOutcome('delivered', NOW + 40, { answer: anEnvelope() });
      await tryOnce(harness.store, delivery.id, { outcome });
      harness = await harness.reopen();
      expect(await stateOf(notification.id)).toEqual({
        ...delivery,
        state: 'delivered',
        dueAt: NOW + 40,
        attempt: 1,
        generation: 2,
        finishedAt: NOW + 40,
        reason: null,
        attempts: [{ number: 1, ...outcome.attempt }],
      });
      expect(await dueIds(sinkId, NOW + 1_000_000)).toEqual([]);
    });

    it('writes one to be tried again, and each attempt under its number', async () => {
      const sinkId = randomUUID();
      const { notification, delivery } = await storeDelivery(harness.store, { sinkId });
      const outcomes = [
        anOutcome('due', NOW + 5000, { status: null, reason: 'timeout' }),
        anOutcome('due', NOW + 9000, { outcome: 'lost', reason: 'lost', status: null }),
        anOutcome('dead', NOW + 9100),
      ];
      let generation = 0;
      for (const outcome of outcomes) {
        generation = await tryOnce(harness.store, delivery.id, { generation, outcome });
        const { state, dueAt, attempt } = outcome;
        expect(await stateOf(notification.id)).toMatchObject({
          state,
          dueAt,
          generation,
          finishedAt: state === 'dead' ? dueAt : null,
          reason: attempt.reason,
        });
        if (state !== 'due') continue;
        expect(await harness.store.due(sinkId, dueAt, 10)).toMatchObject([{ dueAt, generation }]);
      }
      expect((await stateOf(notification.id))?.attempt).toBe(3);
      expect((await stateOf(notification.id))?.attempts).toEqual(
        outcomes.map(({ attempt }, index) => ({ number: index + 1, ...attempt })),
      );
    });

    it('writes nothing for one whose claim has moved on', async () => {
      const { notification, delivery } = await storeDelivery(harness.store);
      const former = await claimOf(harness.store, delivery.id);
      expect(await harness.store.release(delivery.id, former, NOW)).toBe(true);
      const successor = await claimOf(harness.store, delivery.id, former + 1);
      const before = await stateOf(notification.id);
      const { id } = delivery;
      expect(await harness.store.finish(id, former, anOutcome('dead', NOW))).toBe(false);
      expect(await harness.store.release(id, former, NOW)).toBe(false);
      expect(await harness.store.renew(id, former, LEASE + 1)).toBe(false);
      expect(await stateOf(notification.id)).toEqual(before);
      expect(await harness.store.finish(id, successor, anOutcome('delivered', NOW))).toBe(true);
      expect((await stateOf(notification.id))?.attempts).toHaveLength(1);
    });

    it('writes nothing for one who never claimed', async () => {
      const { notification, delivery } = await storeDelivery(harness.store);
      expect(await harness.store.finish(delivery.id, 0, anOutcome('delivered', NOW))).toBe(false);
      expect(await harness.store.release(delivery.id, 0, NOW + 1)).toBe(false);
      expect(await harness.store.finish('nothing', 0, anOutcome('dead', NOW))).toBe(false);
      expect(await stateOf(notification.id)).toMatchObject({
        state: 'due',
        dueAt: NOW,
        attempts: [],
      });
    });

    it('lets one of concurrent outcomes be written', async () => {
      const { notification, delivery } = await storeDelivery(harness.store);
      const generation = await claimOf(harness.store, delivery.id);
      const written = await Promise.all(
        Array.from({ length: 10 }, () =>
          harness.store.finish(delivery.id, generation, anOutcome('due', NOW + 5)),
        ),
      );
      expect(written.filter(Boolean)).toHaveLength(1);
      expect(await stateOf(notification.id)).toMatchObject({ attempt: 1, generation: 2 });
      expect((await stateOf(notification.id))?.attempts).toHaveLength(1);
    });

    it('writes a lapsed claim off under the generation that `due` gave', async () => {
      const sinkId = randomUUID();
      const { notification, delivery } = await storeDelivery(harness.store, { sinkId });
      await claimOf(harness.store, delivery.id);
      const [lapsed] = await harness.store.due(sinkId, LEASE, 1);
      const lost = anOutcome('due', LEASE + 5000, { outcome: 'lost', reason: 'lost' });
      const { generation } = lapsed ?? { generation: -1 };
      expect(await harness.store.finish(delivery.id, generation, lost)).toBe(true);
      expect(await stateOf(notification.id)).toMatchObject({ state: 'due', attempt: 1 });
    });

    it('gives a claim back at once, no try counted', async () => {
      const sinkId = randomUUID();
      const { notification, delivery } = await storeDelivery(harness.store, { sinkId });
      const generation = await claimOf(harness.store, delivery.id);
      expect(await harness.store.release(delivery.id, generation, NOW + 1)).toBe(true);
      harness = await harness.reopen();
      expect(await harness.store.due(sinkId, NOW + 1, 10)).toEqual([
        { id: delivery.id, generation: generation + 1, dueAt: NOW + 1, lapsed: false, attempt: 0 },
      ]);
      expect((await stateOf(notification.id))?.attempts).toEqual([]);
    });
  });
}
