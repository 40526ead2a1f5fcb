import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import type { DeliveryState } from '../../src/domain/delivery/delivery.ts';
import type { Notification } from '../../src/domain/notifications/notification.ts';
import type { PageRequest } from '../../src/domain/page.ts';
import type { NotificationQuery } from '../../src/ports/delivery-store.ts';
import { aDelivery, aNotification, anOutcome } from '../support/builders.ts';
import { pagesOf } from '../support/pages.ts';
import {
  claimOf,
  NOW,
  storeDead,
  tryOnce,
  type DeliveryStoreHarness,
} from './delivery-store-harness.ts';

/** Finding notifications. */
export function describeSearch(open: () => Promise<DeliveryStoreHarness>): void {
  describe('search', () => {
    let harness: DeliveryStoreHarness;
    let organizationId: string;
    beforeAll(async () => {
      harness = await open();
    });
    beforeEach(() => {
      organizationId = randomUUID();
    });
    afterAll(() => harness.close());

    const search = (query: NotificationQuery) => (page: PageRequest) =>
      harness.store.search(organizationId, query, page);
    const found = async (query: NotificationQuery, limit = 100) =>
      (await pagesOf(search(query), limit)).flat();
    async function insert(changes: Partial<Notification> = {}): Promise<Notification> {
      const notification = aNotification({ organizationId, ...changes });
      await harness.store.insertNotifications([notification]);
      return notification;
    }

    it('gives those of an organisation, the latest received first, page by page', async () => {
      const times = [NOW + 3, NOW + 1, NOW + 5, NOW + 2, NOW + 4];
      for (const receivedAt of times) await insert({ receivedAt });
      await insert({ organizationId: randomUUID(), receivedAt: NOW + 4 });
      harness = await harness.reopen();
      const pages = await pagesOf(search({}), 2);
      expect(pages.map((page) => page.map(({ receivedAt }) => receivedAt - NOW))).toEqual([
        [5, 4],
        [3, 2],
        [1],
      ]);
    });

    it('gives each whole, and no cursor after the last', async () => {
      const notification = await insert({ sinkIds: ['a'] });
      const page = await search({})({ limit: 1 });
      expect(page).toEqual({ data: [notification], nextCursor: null });
      expect(await harness.store.search('empty', {}, { limit: 1 })).toEqual({
        data: [],
        nextCursor: null,
      });
    });

    it('leaves none out where many were received at the same time', async () => {
      const rows = Array.from({ length: 7 }, () =>
        aNotification({ organizationId, receivedAt: NOW }),
      );
      await harness.store.insertNotifications(rows);
      const ids = (await found({}, 2)).map(({ id }) => id);
      expect(ids.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
    });

    it('goes on behind the cursor when newer ones have come', async () => {
      const [first, second] = [await insert(), await insert()];
      const page = await search({})({ limit: 1 });
      expect(page.data).toEqual([second]);
      await insert();
      const next = await search({})({ limit: 1, cursor: page.nextCursor ?? undefined });
      expect(next).toEqual({ data: [first], nextCursor: null });
    });

    it('refuses a cursor that it has not given', async () => {
      await insert();
      await insert();
      const { nextCursor } = await search({})({ limit: 1 });
      const altered = `${nextCursor ?? ''}A`;
      const others = Buffer.from('["dead-letters",[1,1]]').toString('base64url');
      for (const cursor of ['', 'nonsense', '%', altered, others]) {
        const refused = search({})({ limit: 1, cursor });
        await expect(refused).rejects.toMatchObject({ details: [{ path: 'cursor' }] });
      }
    });

    it('finds by the state of a delivery, by its sink, and by both of one', async () => {
      const [notification, untouched] = [await insert(), await insert()];
      const ids: Record<DeliveryState, string> = {
        due: 'sink-due',
        claimed: 'sink-claimed',
        delivered: 'sink-delivered',
        dead: 'sink-dead',
        discarded: 'sink-discarded',
      };
      for (const [state, sinkId] of Object.entries(ids)) {
        const delivery = aDelivery(notification, { sinkId });
        await harness.store.insertDeliveries([delivery]);
        if (state === 'claimed') await claimOf(harness.store, delivery.id);
        if (state === 'due' || state === 'claimed') continue;
        const end = state === 'delivered' ? 'delivered' : 'dead';
        await tryOnce(harness.store, delivery.id, { outcome: anOutcome(end, NOW) });
        if (state !== 'discarded') continue;
        await harness.store.discard(organizationId, [delivery.id], NOW);
      }
      const other = await storeDead(harness.store, NOW, {
        sinkId: ids.due,
        notification: { organizationId },
      });

      expect(await found({ delivery: 'delivered' })).toEqual([notification]);
      expect(await found({ delivery: 'discarded' })).toEqual([notification]);
      expect(await found({ sinkId: ids.discarded, delivery: 'dead' })).toEqual([]);
      expect(await found({ delivery: 'dead' })).toEqual([other.notification, notification]);
      expect(await found({ sinkId: ids.claimed })).toEqual([notification]);
      expect(await found({ sinkId: ids.due, delivery: 'dead' })).toEqual([other.notification]);
      expect(await found({ sinkId: ids.dead, delivery: 'due' })).toEqual([]);
      expect(await found({ sinkId: 'nobody' })).toEqual([]);
      expect(await found({})).toEqual([other.notification, untouched, notification]);
    });

    it('finds what matches every field that is given, whatever the page size', async () => {
      const rows = Array.from({ length: 60 }, (_, index) =>
        aNotification({
          organizationId,
          state: index % 3 === 0 ? 'pending' : 'accepted',
          subscriptionId: `sub-${index % 4}`,
          tenantId: `tenant-${index % 2}`,
          receivedAt: NOW + Math.floor(index / 2),
        }),
      );
      await harness.store.insertNotifications(rows);
      const latestFirst = rows.toReversed();
      const time = fc.integer({ min: NOW - 1, max: NOW + 31 });
      const queries = fc.record(
        {
          state: fc.constantFrom('pending', 'accepted', 'waiting'),
          subscriptionId: fc.constantFrom('sub-0', 'sub-1', 'sub-9'),
          tenantId: fc.constantFrom('tenant-0', 'tenant-1'),
          receivedFrom: time,
          receivedBefore: time,
        },
        { requiredKeys: [] },
      );
      await fc.assert(
        fc.asyncProperty(queries, fc.integer({ min: 1, max: 20 }), async (query, limit) => {
          const ids = (await found(query, limit)).map(({ id }) => id);
          const expected = latestFirst.filter((row) => matches(row, query)).map(({ id }) => id);
          expect(ids.toSorted()).toEqual(expected.toSorted());
        }),
        { numRuns: 60 },
      );
    });
  });
}

function matches(row: Notification, query: NotificationQuery): boolean {
  const { receivedFrom = 0, receivedBefore = Infinity } = query;
  return (
    (query.state ?? row.state) === row.state &&
    (query.subscriptionId ?? row.subscriptionId) === row.subscriptionId &&
    (query.tenantId ?? row.tenantId) === row.tenantId &&
    row.receivedAt >= receivedFrom &&
    row.receivedAt < receivedBefore
  );
}
