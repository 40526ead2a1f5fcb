import { z } from 'zod';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import {
  readClaim,
  readDeadLetter,
  readDeliveries,
  readDepth,
  readDue,
  readRedriven,
  writeDelivery,
  writeOutcome,
} from './delivery-rows.ts';
import { readInserted, readNotification, writeNotification } from './notification-rows.ts';
import { createPurge } from './purge.ts';
import { readColumns } from './row.ts';
import type { StoreThreads } from './store-call.ts';
import { createWalk, given } from './walk.ts';

/** Notifications and deliveries in `store.db`. */
export function createSqliteDeliveryStore({ write, read, clock }: StoreThreads): DeliveryStore {
  const searchPage = createWalk('notifications', clock, readNotification);
  const deadLetterPage = createWalk('dead-letters', clock, readDeadLetter);

  return {
    purge: createPurge(write),

    async insertNotifications(rows) {
      const found = readColumns(await write('insertNotifications', rows.map(writeNotification)));
      return rows.map((row, index) => readInserted(found[index], row));
    },

    async insertDeliveries(rows) {
      await write('insertDeliveries', rows.map(writeDelivery));
    },

    async markExpanded(notificationIds) {
      await write('markExpanded', notificationIds);
    },

    async due(sinkId, now, limit) {
      return readDue(await read('due', [sinkId, now, limit]));
    },

    async claim(id, generation, leaseUntil) {
      return readClaim(await write('claim', [id, generation, leaseUntil]));
    },

    async renew(id, generation, leaseUntil) {
      return (await write('renew', [id, generation, leaseUntil])) === true;
    },

    async finish(id, generation, outcome) {
      return (await write('finish', writeOutcome(id, generation, outcome))) === true;
    },

    async release(id, generation, now) {
      return (await write('release', [id, generation, now])) === true;
    },

    search(organizationId, query, page) {
      const { delivery, sinkId, receivedFrom = 0, receivedBefore, ...match } = query;
      const argument = {
        organizationId,
        match: given(match),
        delivery: given({ sinkId, deliveryState: delivery }),
        receivedFrom,
      };
      return searchPage(page, receivedBefore, (step) =>
        read('searchNotifications', { ...argument, step }),
      );
    },

    async find(organizationId, id) {
      const row = await read('findNotification', { organizationId, id });
      return row === undefined ? undefined : readNotification(readColumns(row));
    },

    async deliveriesOf(notificationId) {
      return readDeliveries(await read('deliveriesOf', notificationId), notificationId);
    },

    deadLetters(organizationId, { diedFrom = 0, diedBefore, ...match }, page) {
      const argument = { organizationId, match: given(match), diedFrom };
      return deadLetterPage(page, diedBefore, (step) => read('deadLetters', { ...argument, step }));
    },

    async countDead() {
      return z.int().parse(await read('countDead', null));
    },

    async redrive(organizationId, ids, now) {
      return readRedriven(await write('redrive', { organizationId, ids, now }));
    },

    async discard(organizationId, ids, now) {
      return z.int().parse(await write('discard', { organizationId, ids, now }));
    },

    async discardForSink(sinkId, now, limit) {
      return z.int().parse(await write('discardForSink', { sinkId, now, limit }));
    },

    async bringForward(sinkIds, setBack, limit) {
      const order = { ...setBack, sinkIds: JSON.stringify(sinkIds), limit };
      return z.int().parse(await write('bringForward', order));
    },

    async sinksGone() {
      return z.array(z.string()).parse(await read('sinksGone', null));
    },

    async depth(sinkId) {
      return readDepth(await read('sinkDepth', sinkId));
    },
  };
}
