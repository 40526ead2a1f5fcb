import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Notification } from '../../src/domain/notifications/notification.ts';
import { aDelivery, aNotification, anEnvelope } from '../support/builders.ts';
import {
  aReplayOf,
  claimOf,
  LEASE,
  NOW,
  storeDelivery,
  type DeliveryStoreHarness,
} from './delivery-store-harness.ts';

const MANY = 3000;

/** The writes of expansion, which may stop between any two of them and run again. */
export function describeInserts(open: () => Promise<DeliveryStoreHarness>): void {
  describe('inserts', () => {
    let harness: DeliveryStoreHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const insert = async (...rows: Notification[]) => harness.store.insertNotifications(rows);
    const find = (id: string) => harness.store.find('default', id);

    it('gives back notifications as they were inserted, over a restart too', async () => {
      const plain = aNotification({ sinkIds: ['sink-1', 'sink-2'], place: 7 });
      const waiting = aNotification({ state: 'waiting', data: null, sealed: anEnvelope() });
      await insert(plain, waiting);
      harness = await harness.reopen();
      expect(await find(plain.id)).toEqual(plain);
      expect(await find(waiting.id)).toEqual(waiting);
    });

    it('shows a notification to its organisation only', async () => {
      const foreign = aNotification({ organizationId: 'other' });
      await insert(foreign);
      expect(await find(foreign.id)).toBeUndefined();
      expect(await harness.store.find('other', foreign.id)).toEqual(foreign);
    });

    it('tells new, own and duplicate apart, in the order of the rows', async () => {
      const mine = aNotification({ sinkIds: ['sink-1'] });
      await insert(mine);
      const fresh = aNotification({ sinkIds: ['sink-9'] });
      const found = await insert(
        { ...mine, receiptId: 'another receipt', sinkIds: [] },
        fresh,
        { ...mine, sinkIds: ['chosen anew'] },
        { ...mine, place: mine.place + 1 },
      );
      expect(found).toEqual([
        { found: 'duplicate', expanded: false, sinkIds: ['sink-1'] },
        { found: 'new', expanded: false, sinkIds: ['sink-9'] },
        { found: 'own', expanded: false, sinkIds: ['sink-1'] },
        { found: 'duplicate', expanded: false, sinkIds: ['sink-1'] },
      ]);
      expect(await find(mine.id)).toEqual(mine);
    });

    it('finds an id that is repeated within one call', async () => {
      const notification = aNotification();
      const found = await insert(notification, { ...notification, place: 1 }, notification);
      expect(found.map((each) => each.found)).toEqual(['new', 'duplicate', 'own']);
      expect(await find(notification.id)).toEqual(notification);
    });

    it('inserts very many rows in one call, and finds all of them again', async () => {
      const rows = Array.from({ length: MANY }, (_, place) => aNotification({ place }));
      const [first, last] = [rows[0], rows[MANY - 1]];
      if (first === undefined || last === undefined) throw new Error('many rows');
      const kindsOf = async (...more: Notification[]) =>
        (await insert(...rows, ...more)).map(({ found }) => found);
      const all = (kind: string) => rows.map(() => kind);
      expect(await kindsOf({ ...first, place: MANY })).toEqual([...all('new'), 'duplicate']);
      expect(await kindsOf()).toEqual(all('own'));
      expect([await find(first.id), await find(last.id)]).toEqual([first, last]);
    }, 120_000);

    it('lets one of concurrent inserts of an id be the new one', async () => {
      const { id } = aNotification();
      const rivals = Array.from({ length: 20 }, () => aNotification({ id }));
      const found = await Promise.all(rivals.map((each) => insert(each)));
      const kinds = found.map(([each]) => each?.found);
      expect(kinds.filter((kind) => kind === 'new')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'duplicate')).toHaveLength(19);
      expect(await find(id)).toEqual(rivals[kinds.indexOf('new')]);
    });

    it('remembers over a restart which ones are expanded, for own and duplicates', async () => {
      const [marked, unmarked] = [aNotification(), aNotification()];
      await insert(marked, unmarked);
      await harness.store.markExpanded([marked.id]);
      harness = await harness.reopen();
      const found = await insert(marked, { ...marked, receiptId: 'another' }, unmarked);
      expect(found.map((each) => each.expanded)).toEqual([true, true, false]);
    });

    it('marks again, and marks nothing that is not there', async () => {
      const notification = aNotification();
      await insert(notification);
      const ids = [notification.id, 'nothing', notification.id];
      await harness.store.markExpanded(ids);
      await harness.store.markExpanded(ids);
      expect(await insert(notification)).toMatchObject([{ found: 'own', expanded: true }]);
      expect(await find('nothing')).toBeUndefined();
    });

    it('inserts deliveries due, attempt 0, generation 0', async () => {
      const { notification, delivery } = await storeDelivery(harness.store, { dueAt: NOW + 5 });
      harness = await harness.reopen();
      expect(await harness.store.deliveriesOf(notification.id)).toEqual([
        {
          ...delivery,
          state: 'due',
          attempt: 0,
          generation: 0,
          finishedAt: null,
          reason: null,
          attempts: [],
        },
      ]);
    });

    it('leaves a delivery that is there as it is', async () => {
      const { notification, delivery } = await storeDelivery(harness.store);
      await claimOf(harness.store, delivery.id);
      const fresh = aDelivery(notification);
      await harness.store.insertDeliveries([{ ...delivery, dueAt: NOW + 99 }, fresh, fresh]);
      expect(await harness.store.deliveriesOf(notification.id)).toMatchObject([
        { id: delivery.id, state: 'claimed', generation: 1, dueAt: LEASE },
        { id: fresh.id, state: 'due' },
      ]);
    });

    it('ends the same wherever an expansion stopped before it ran again', async () => {
      for (let steps = 0; steps <= 4; steps += 1) {
        const sinkIds = ['sink-1', 'sink-2'];
        const notification = aNotification({ sinkIds });
        const [first, second] = sinkIds.map((sinkId) => aDelivery(notification, { sinkId }));
        if (first === undefined || second === undefined) throw new Error('two sinks');
        const expansion = [
          () => insert(notification),
          () => harness.store.insertDeliveries([first]),
          () => harness.store.insertDeliveries([second]),
          () => harness.store.markExpanded([notification.id]),
        ];
        for (const write of expansion.slice(0, steps)) await write();

        const again = await insert({ ...notification, sinkIds: ['another choice'] });
        const chosen = steps === 0 ? ['another choice'] : sinkIds;
        const found = steps === 0 ? 'new' : 'own';
        expect(again).toEqual([{ found, expanded: steps === 4, sinkIds: chosen }]);
        for (const write of expansion.slice(1)) await write();
        const deliveries = await harness.store.deliveriesOf(notification.id);
        expect(deliveries.map(({ id, state }) => [id, state])).toEqual([
          [first.id, 'due'],
          [second.id, 'due'],
        ]);
      }
    });

    it('keeps the deliveries of notifications apart whose ids begin alike', async () => {
      const short = aNotification();
      const long = aNotification({ id: `${short.id}_1` });
      await insert(short, long);
      const [ofShort, ofLong] = [aDelivery(short), aDelivery(long)];
      await harness.store.insertDeliveries([ofShort, ofLong]);
      const ids = async (id: string) =>
        (await harness.store.deliveriesOf(id)).map((delivery) => delivery.id);
      expect(await ids(short.id)).toEqual([ofShort.id]);
      expect(await ids(long.id)).toEqual([ofLong.id]);
      for (const { id } of [ofShort, ofLong]) expect(await claimOf(harness.store, id)).toBe(1);
    });

    it('keeps replays beside the first delivery and each other, in the order they were made', async () => {
      const { notification, delivery } = await storeDelivery(harness.store);
      const [second, first] = [aReplayOf(delivery, 'b'), aReplayOf(delivery, 'a')];
      await harness.store.insertDeliveries([second]);
      await harness.store.insertDeliveries([first, second]);
      const ids = async () =>
        (await harness.store.deliveriesOf(notification.id)).map(({ id }) => id);
      expect(await ids()).toEqual([delivery.id, second.id, first.id]);
      await claimOf(harness.store, first.id);
      expect((await harness.store.deliveriesOf(notification.id)).map(({ state }) => state)).toEqual(
        ['due', 'due', 'claimed'],
      );
    });

    it('leaves out a delivery whose notification is gone', async () => {
      const gone = aDelivery(aNotification());
      const { delivery } = await storeDelivery(harness.store);
      const replay = aReplayOf(delivery);
      await harness.store.insertDeliveries([gone, replay]);
      expect(await harness.store.due(gone.sinkId, NOW, 10)).toEqual([]);
      expect(await harness.store.claim(gone.id, 0, LEASE)).toBeUndefined();
      expect(await harness.store.claim(replay.id, 0, LEASE)).toBeDefined();
    });
  });
}
