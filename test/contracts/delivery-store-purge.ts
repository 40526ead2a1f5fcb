import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aDelivery, aNotification, anOutcome } from '../support/builders.ts';
import {
  aReplayOf,
  claimOf,
  NOW,
  storeDead,
  storeDelivery,
  tryOnce,
  type DeliveryStoreHarness,
} from './delivery-store-harness.ts';

/** What goes when it is too old, and what does not. */
export function describePurge(open: () => Promise<DeliveryStoreHarness>): void {
  describe('purge', () => {
    let harness: DeliveryStoreHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const OLD = NOW - 1000;
    const old = { notification: { receivedAt: OLD } };
    const purge = (changes: Partial<Parameters<typeof harness.store.purge>[0]> = {}) =>
      harness.store.purge({
        notificationsBefore: NOW,
        deadLettersBefore: 0,
        limit: 100,
        ...changes,
      });
    const exists = async ({ id }: { id: string }) =>
      (await harness.store.find('default', id)) !== undefined;

    it('removes an old notification with its deliveries and attempts', async () => {
      const { notification, delivery } = await storeDelivery(harness.store, old);
      await tryOnce(harness.store, delivery.id, { outcome: anOutcome('delivered', NOW) });
      expect(await purge()).toEqual({ notifications: 1, deadLetters: 0 });
      harness = await harness.reopen();
      expect(await exists(notification)).toBe(false);
      expect(await harness.store.deliveriesOf(notification.id)).toEqual([]);
    });

    it('leaves nothing of a removed delivery to one that is made anew', async () => {
      const { notification, delivery } = await storeDelivery(harness.store, old);
      await tryOnce(harness.store, delivery.id, { outcome: anOutcome('delivered', NOW) });
      await purge();
      await harness.store.insertNotifications([notification]);
      await harness.store.insertDeliveries([delivery]);
      expect(await harness.store.deliveriesOf(notification.id)).toMatchObject([
        { state: 'due', attempt: 0, generation: 0, attempts: [] },
      ]);
      await tryOnce(harness.store, delivery.id, { outcome: anOutcome('delivered', NOW) });
      const [after] = await harness.store.deliveriesOf(notification.id);
      expect(after?.attempts.map(({ number }) => number)).toEqual([1]);
    });

    it('removes an old notification that never had a delivery', async () => {
      const notification = aNotification(old.notification);
      await harness.store.insertNotifications([notification]);
      expect((await purge()).notifications).toBe(1);
      expect(await exists(notification)).toBe(false);
    });

    it('keeps what was received at the limit or later', async () => {
      const [at, later] = [aNotification({ receivedAt: NOW }), aNotification()];
      await harness.store.insertNotifications([at, later]);
      expect(await purge()).toEqual({ notifications: 0, deadLetters: 0 });
      expect([await exists(at), await exists(later)]).toEqual([true, true]);
    });

    it('keeps notifications with a delivery that is due, claimed or dead', async () => {
      const due = await storeDelivery(harness.store, old);
      const claimed = await storeDelivery(harness.store, old);
      await claimOf(harness.store, claimed.delivery.id);
      const dead = await storeDead(harness.store, OLD, old);
      expect(await purge()).toEqual({ notifications: 0, deadLetters: 0 });
      for (const { notification } of [due, claimed, dead]) {
        expect(await exists(notification)).toBe(true);
        expect(await harness.store.deliveriesOf(notification.id)).toHaveLength(1);
      }
    });

    it('removes one whose deliveries were delivered or discarded', async () => {
      const { notification, delivery } = await storeDead(harness.store, OLD, old);
      await harness.store.discard('default', [delivery.id], NOW);
      const other = aDelivery(notification);
      await harness.store.insertDeliveries([other]);
      expect((await purge({ deadLettersBefore: NOW + 1 })).notifications).toBe(0);
      await tryOnce(harness.store, other.id, { outcome: anOutcome('delivered', NOW) });
      expect(await purge({ deadLettersBefore: NOW + 1 })).toEqual({
        notifications: 1,
        deadLetters: 0,
      });
      expect(await exists(notification)).toBe(false);
      expect(await harness.store.deliveriesOf(notification.id)).toEqual([]);
    });

    it('keeps one that is being delivered again, and removes it with its replays then', async () => {
      const { notification, delivery } = await storeDelivery(harness.store, old);
      await tryOnce(harness.store, delivery.id, { outcome: anOutcome('delivered', NOW) });
      const replay = aReplayOf(delivery);
      await harness.store.insertDeliveries([replay]);
      expect((await purge()).notifications).toBe(0);
      await tryOnce(harness.store, replay.id, { outcome: anOutcome('delivered', NOW) });
      expect((await purge()).notifications).toBe(1);
      expect(await harness.store.deliveriesOf(notification.id)).toEqual([]);
    });

    it('removes one once nothing of it is open any more', async () => {
      const { notification, delivery } = await storeDelivery(harness.store, old);
      expect((await purge()).notifications).toBe(0);
      await tryOnce(harness.store, delivery.id, { outcome: anOutcome('delivered', NOW) });
      expect((await purge()).notifications).toBe(1);
      expect(await exists(notification)).toBe(false);
    });

    it('keeps pending and waiting ones, whatever their age', async () => {
      const rows = [
        aNotification({ receivedAt: 1, state: 'pending' }),
        aNotification({ receivedAt: 1, state: 'waiting', data: null }),
      ];
      await harness.store.insertNotifications(rows);
      expect((await purge()).notifications).toBe(0);
      for (const row of rows) expect(await exists(row)).toBe(true);
    });

    it('removes dead letters that ended before the limit, and then their notifications', async () => {
      const gone = await storeDead(harness.store, OLD, old);
      const kept = await storeDead(harness.store, NOW, old);
      const dead = await purge({ notificationsBefore: 0, deadLettersBefore: NOW });
      expect(dead).toEqual({ notifications: 0, deadLetters: 1 });
      expect(await harness.store.deliveriesOf(gone.notification.id)).toEqual([]);
      expect(await exists(gone.notification)).toBe(true);
      expect(await purge()).toEqual({ notifications: 1, deadLetters: 0 });
      expect(await exists(gone.notification)).toBe(false);
      const { data } = await harness.store.deadLetters('default', {}, { limit: 10 });
      expect(data.map(({ delivery }) => delivery.id)).toEqual([kept.delivery.id]);
      expect(await harness.store.countDead()).toBe(1);
    });

    it('removes at most as many as are asked for, and in the end all', async () => {
      for (let index = 0; index < 5; index += 1) {
        await storeDead(harness.store, OLD, old);
        await harness.store.insertNotifications([aNotification(old.notification)]);
      }
      const order = { notificationsBefore: 0, deadLettersBefore: NOW, limit: 2 };
      const dead = [await purge(order), await purge(order), await purge(order), await purge(order)];
      expect(dead.map(({ deadLetters }) => deadLetters)).toEqual([2, 2, 1, 0]);
      let notifications = 0;
      for (let calls = 0; calls < 10; calls += 1) {
        const purged = await purge({ limit: 3 });
        expect(purged.notifications).toBeLessThanOrEqual(3);
        notifications += purged.notifications;
      }
      expect(notifications).toBe(10);
    });

    it('gets past what has to stay', async () => {
      for (let index = 0; index < 30; index += 1) await storeDelivery(harness.store, old);
      const notification = aNotification({ receivedAt: NOW - 1 });
      await harness.store.insertNotifications([notification]);
      for (let calls = 0; calls < 30 && (await exists(notification)); calls += 1) {
        await purge({ limit: 1 });
      }
      expect(await exists(notification)).toBe(false);
    });

    it('removes the notifications of every organisation', async () => {
      const foreign = aNotification({ ...old.notification, organizationId: 'other' });
      await harness.store.insertNotifications([foreign, aNotification(old.notification)]);
      expect((await purge()).notifications).toBe(2);
      expect(await harness.store.find('other', foreign.id)).toBeUndefined();
    });
  });
}
