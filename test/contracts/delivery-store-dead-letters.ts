import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { KEPT_ATTEMPTS } from '../../src/domain/delivery/delivery.ts';
import type { PageRequest } from '../../src/domain/page.ts';
import type { DeadLetterQuery } from '../../src/ports/delivery-store.ts';
import { anOutcome } from '../support/builders.ts';
import { pagesOf } from '../support/pages.ts';
import {
  claimOf,
  LEASE,
  NOW,
  storeDead,
  storeDelivery,
  tryOnce,
  type DeliveryStoreHarness,
} from './delivery-store-harness.ts';

/** What is out of tries, and its second life. */
export function describeDeadLetters(open: () => Promise<DeliveryStoreHarness>): void {
  describe('dead letters', () => {
    let harness: DeliveryStoreHarness;
    let organizationId: string;
    beforeAll(async () => {
      harness = await open();
    });
    beforeEach(() => {
      organizationId = randomUUID();
    });
    afterAll(() => harness.close());

    const LATER = NOW + 100_000;
    const inOther = { notification: { organizationId: 'other' } };
    const die = (diedAt: number) =>
      storeDead(harness.store, diedAt, { notification: { organizationId } });
    const store = () => storeDelivery(harness.store, { notification: { organizationId } });
    const listOf = (query: DeadLetterQuery) => (page: PageRequest) =>
      harness.store.deadLetters(organizationId, query, page);
    const list = listOf({});
    const found = async (query: DeadLetterQuery, limit = 2) =>
      (await pagesOf(listOf(query), limit)).flat().map(({ delivery }) => delivery.id);
    const redrive = (...ids: string[]) => harness.store.redrive(organizationId, ids, LATER);

    it('lists them with what they would have delivered', async () => {
      const { notification, delivery } = await die(NOW + 7);
      const { data: _data, sealed: _sealed, ...bare } = notification;
      harness = await harness.reopen();
      expect(await list({ limit: 10 })).toEqual({
        data: [
          {
            delivery: {
              ...delivery,
              state: 'dead',
              dueAt: NOW + 7,
              attempt: 1,
              generation: 2,
              finishedAt: NOW + 7,
              reason: 'http-503',
            },
            notification: bare,
          },
        ],
        nextCursor: null,
      });
    });

    it('lists those of an organisation that died last first, page by page', async () => {
      const died = [30, 10, 50, 20, 40];
      const ids = new Map<number, string>();
      for (const at of died) ids.set(at, (await die(NOW + at)).delivery.id);
      await storeDead(harness.store, NOW + 35, inOther);
      await store();
      const pages = await pagesOf(list, 2);
      const shown = pages.map((page) => page.map(({ delivery }) => delivery.id));
      const expected = [[50, 40], [30, 20], [10]].map((page) => page.map((at) => ids.get(at)));
      expect(shown).toEqual(expected);
    });

    it('leaves none out where many died at the same time', async () => {
      const stored = await Promise.all(Array.from({ length: 7 }, () => die(NOW)));
      const shown = (await pagesOf(list, 2)).flat().map(({ delivery }) => delivery.id);
      expect(shown.toSorted()).toEqual(stored.map(({ delivery }) => delivery.id).toSorted());
    });

    it('finds those that match every field that is given', async () => {
      const kinds = { sinkId: 's', subscriptionId: 'sub', tenantId: 't', reason: 'http-400' };
      const dieAs = async (kind: typeof kinds, diedAt = NOW) => {
        const { subscriptionId, tenantId, sinkId, reason } = kind;
        const { delivery } = await storeDelivery(harness.store, {
          sinkId,
          notification: { organizationId, subscriptionId, tenantId },
        });
        const outcome = anOutcome('dead', diedAt, { reason });
        await tryOnce(harness.store, delivery.id, { outcome });
        return delivery.id;
      };
      const whole = await dieAs(kinds);
      for (const field of ['sinkId', 'subscriptionId', 'tenantId', 'reason'] as const) {
        const other = await dieAs({ ...kinds, [field]: `other-${field}` });
        expect(await found({ [field]: `other-${field}` })).toEqual([other]);
        expect(await found({ ...kinds, [field]: `other-${field}` })).toEqual([other]);
        expect(await found({ [field]: 'nothing such' })).toEqual([]);
      }
      expect(await found(kinds)).toEqual([whole]);
      expect(await found({ reason: 'http-400' })).toHaveLength(4);
    });

    it('finds those that died from one moment on, and before another', async () => {
      const ids = [];
      for (const at of [0, 1, 2, 3]) ids.push((await die(NOW + at)).delivery.id);
      const [first, second, third, fourth] = ids;
      expect(await found({ diedFrom: NOW + 1 })).toEqual([fourth, third, second]);
      expect(await found({ diedBefore: NOW + 2 }, 1)).toEqual([second, first]);
      expect(await found({ diedFrom: NOW + 1, diedBefore: NOW + 3 }, 1)).toEqual([third, second]);
      expect(await found({ diedFrom: NOW + 2, diedBefore: NOW + 2 })).toEqual([]);
    });

    it('finds those of a sink in its organisation only', async () => {
      const { delivery } = await die(NOW);
      const query = { sinkId: delivery.sinkId };
      expect(await found(query)).toEqual([delivery.id]);
      expect(await harness.store.deadLetters('other', query, { limit: 10 })).toEqual({
        data: [],
        nextCursor: null,
      });
    });

    it('refuses a cursor that it has not given', async () => {
      const others = Buffer.from('["notifications",[1,1]]').toString('base64url');
      for (const cursor of ['nonsense', '', others]) {
        const refused = list({ limit: 1, cursor });
        await expect(refused).rejects.toMatchObject({ details: [{ path: 'cursor' }] });
      }
    });

    it('counts them over all organisations', async () => {
      const before = await harness.store.countDead();
      const { delivery } = await die(NOW);
      await storeDead(harness.store, NOW, inOther);
      await store();
      expect(await harness.store.countDead()).toBe(before + 2);
      await redrive(delivery.id);
      expect(await harness.store.countDead()).toBe(before + 1);
    });

    it('redrives dead ones: due, attempt 0, under a new generation', async () => {
      const { notification, delivery } = await die(NOW);
      const { sinkId } = delivery;
      const due = { id: delivery.id, generation: 3, dueAt: LATER, lapsed: false, attempt: 0 };
      expect(await redrive(delivery.id)).toEqual([{ ...due, sinkId }]);
      harness = await harness.reopen();
      expect(await harness.store.due(sinkId, LATER, 10)).toEqual([due]);
      expect(await harness.store.deliveriesOf(notification.id)).toMatchObject([
        { state: 'due', finishedAt: null, attempts: [{ number: 1, outcome: 'dead' }] },
      ]);
      expect((await list({ limit: 10 })).data).toEqual([]);
    });

    it('goes on numbering attempts over a redrive', async () => {
      const { notification, delivery } = await die(NOW);
      await redrive(delivery.id);
      const outcome = anOutcome('delivered', LATER);
      await tryOnce(harness.store, delivery.id, { generation: 3, outcome });
      const [after] = await harness.store.deliveriesOf(notification.id);
      expect(after).toMatchObject({ state: 'delivered', attempt: 1, generation: 5 });
      expect(after?.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
        [1, 'dead'],
        [2, 'delivered'],
      ]);
    });

    it('keeps the latest attempts of one that is redriven for ever, under their numbers', async () => {
      const { notification, delivery } = await die(NOW);
      for (let tries = 1; tries < KEPT_ATTEMPTS + 5; tries += 1) {
        const [redriven] = await redrive(delivery.id);
        const outcome = anOutcome('dead', LATER);
        await tryOnce(harness.store, delivery.id, { ...redriven, outcome });
      }
      const [after] = await harness.store.deliveriesOf(notification.id);
      const numbers = Array.from({ length: KEPT_ATTEMPTS }, (_, index) => index + 6);
      expect(after?.attempts.map(({ number }) => number)).toEqual(numbers);
    });

    it('leaves alone what is not dead, not there or of another organisation', async () => {
      const dead = await die(NOW);
      const foreign = await storeDead(harness.store, NOW, inOther);
      const due = await store();
      const claimed = await store();
      await claimOf(harness.store, claimed.delivery.id);
      const delivered = await store();
      const outcome = anOutcome('delivered', NOW);
      await tryOnce(harness.store, delivered.delivery.id, { outcome });
      const others = [foreign, due, claimed, delivered];
      const stateOf = async () =>
        Promise.all(others.map(({ notification: { id } }) => harness.store.deliveriesOf(id)));
      const before = await stateOf();
      const ids = [...others.map(({ delivery }) => delivery.id), 'nothing', dead.delivery.id];
      const redriven = await redrive(...ids);
      expect(redriven.map(({ id }) => id)).toEqual([dead.delivery.id]);
      expect(await stateOf()).toEqual(before);
    });

    it('redrives one once, however often it is asked at the same time', async () => {
      const { delivery } = await die(NOW);
      const { id } = delivery;
      const redriven = await Promise.all(Array.from({ length: 10 }, () => redrive(id, id)));
      expect(redriven.flat()).toHaveLength(1);
    });

    it('lets nobody who claimed before a redrive write after it', async () => {
      const { notification, delivery } = await die(NOW);
      const { id } = delivery;
      await redrive(id);
      for (const generation of [0, 1, 2]) {
        expect(await harness.store.finish(id, generation, anOutcome('delivered', NOW))).toBe(false);
        expect(await harness.store.claim(id, generation, LEASE)).toBeUndefined();
      }
      expect(await harness.store.deliveriesOf(notification.id)).toMatchObject([{ state: 'due' }]);
    });

    it('decides a claim against a redrive: the claim knows the new generation or loses', async () => {
      const { notification, delivery } = await die(NOW);
      const { id } = delivery;
      const [stale, redriven, fresh] = await Promise.all([
        harness.store.claim(id, 2, LEASE),
        redrive(id),
        harness.store.claim(id, 3, LEASE),
      ]);
      expect(stale).toBeUndefined();
      expect(redriven).toHaveLength(1);
      const state = fresh === undefined ? 'due' : 'claimed';
      expect(await harness.store.deliveriesOf(notification.id)).toMatchObject([{ state }]);
    });
  });
}
