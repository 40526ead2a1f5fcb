import { z } from 'zod';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import { createCursors, pageOf } from './cursor.ts';
import {
  ClaimReply,
  DeadLetterRows,
  DeliveriesReply,
  DueRows,
  RedrivenRows,
  writeOutcome,
} from './delivery-rows.ts';
import { FoundRows, NotificationRow, writeNotification } from './notification-rows.ts';
import { createNotificationSearch } from './notification-search.ts';
import { createPurge } from './purge.ts';
import type { StoreThreads } from './store-call.ts';

const Place = z.tuple([z.int(), z.int()]).readonly();
const LATEST_DEAD = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

/** Notifications and deliveries in `store.db`. */
export function createSqliteDeliveryStore({ write, read }: StoreThreads): DeliveryStore {
  const deadLetterCursors = createCursors('dead-letters', Place);

  return {
    search: createNotificationSearch(read),
    purge: createPurge(write),

    async insertNotifications(rows) {
      const reply = await write('insertNotifications', rows.map(writeNotification));
      const found = FoundRows.parse(reply);
      return rows.map(
        ({ sinkIds }, index) => found[index] ?? { found: 'new', expanded: false, sinkIds },
      );
    },

    async insertDeliveries(rows) {
      await write(
        'insertDeliveries',
        rows.map(({ id, organizationId, notificationId, sinkId, dueAt, createdAt }) => ({
          id,
          organizationId,
          notificationId,
          sinkId,
          dueAt,
          createdAt,
        })),
      );
    },

    async markExpanded(notificationIds) {
      await write('markExpanded', notificationIds);
    },

    async due(sinkId, now, limit) {
      return DueRows.parse(await read('due', { sinkId, now, limit }));
    },

    async claim(id, generation, leaseUntil) {
      const reply = await write('claim', { id, generation, leaseUntil });
      return ClaimReply.parse(reply) ?? undefined;
    },

    async renew(id, generation, leaseUntil) {
      return z.boolean().parse(await write('renew', { id, generation, leaseUntil }));
    },

    async finish(id, generation, outcome) {
      return z.boolean().parse(await write('finish', writeOutcome(id, generation, outcome)));
    },

    async release(id, generation, now) {
      return z.boolean().parse(await write('release', { id, generation, now }));
    },

    async find(organizationId, id) {
      return NotificationRow.optional().parse(
        await read('findNotification', { organizationId, id }),
      );
    },

    async deliveriesOf(notificationId) {
      const reply = DeliveriesReply.parse(await read('deliveriesOf', notificationId));
      return reply.map(({ delivery, attempts }) => ({ ...delivery, attempts }));
    },

    async deadLetters(organizationId, { limit, cursor }) {
      const after = deadLetterCursors.read(cursor, LATEST_DEAD);
      const argument = { organizationId, after, limit: limit + 1 };
      const rows = DeadLetterRows.parse(await read('deadLetters', argument));
      return pageOf(rows, limit, {
        item: ({ delivery, notification }) => ({ delivery, notification }),
        cursor: ({ delivery, seq }) =>
          deadLetterCursors.write([delivery.finishedAt ?? delivery.dueAt, seq]),
      });
    },

    async countDead() {
      return z.int().parse(await read('countDead', null));
    },

    async redrive(organizationId, ids, now) {
      return RedrivenRows.parse(await write('redrive', { organizationId, ids, now }));
    },
  };
}
