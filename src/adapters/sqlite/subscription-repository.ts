import { z } from 'zod';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import { createCursors, pageOf } from '../stores/cursor.ts';
import type { StoreThreads } from './store-call.ts';
import {
  KnownText,
  ListedSubscriptionRows,
  SubscriptionRow,
  SubscriptionRows,
  writeSubscription,
  writeSubscriptionChange,
} from './subscription-rows.ts';

/** Subscriptions in `store.db`. */
export function createSqliteSubscriptionRepository({
  write,
  read,
}: StoreThreads): SubscriptionRepository {
  const cursors = createCursors('subscriptions', z.tuple([z.int()]));

  return {
    async insert(subscription) {
      const reply = await write('insertSubscription', writeSubscription(subscription));
      return z.boolean().parse(reply);
    },

    async find(organizationId, id) {
      const reply = await read('findSubscription', { organizationId, id });
      return SubscriptionRow.optional().parse(reply);
    },

    async list(organizationId, { limit, cursor, deleted = false }) {
      const [from] = cursors.read(cursor, [Number.MAX_SAFE_INTEGER]);
      const argument = { organizationId, deleted, from, limit: limit + 1 };
      const rows = ListedSubscriptionRows.parse(await read('listSubscriptions', argument));
      return pageOf(rows, limit, {
        item: ({ seq: _seq, ...subscription }) => subscription,
        cursor: ({ seq }) => cursors.write([seq]),
      });
    },

    async update(organizationId, id, change, now) {
      const values = writeSubscriptionChange(change);
      const order = { where: { organizationId, id }, change: values, now };
      return SubscriptionRow.optional().parse(await write('updateSubscription', order));
    },

    async softDelete(organizationId, id, now) {
      return z.boolean().parse(await write('softDeleteSubscription', { organizationId, id, now }));
    },

    async restore(organizationId, id, now) {
      const reply = await write('restoreSubscription', { organizationId, id, now });
      return SubscriptionRow.optional().parse(reply);
    },

    async permanentlyDelete(organizationId, id) {
      return z.boolean().parse(await write('removeSubscription', { organizationId, id }));
    },

    async ending({ from, before }, limit) {
      return SubscriptionRows.parse(await read('subscriptionsEnding', { from, before, limit }));
    },

    async lookUp(ids) {
      if (ids.length === 0) return [];
      return KnownText.parse(await read('lookUpSubscriptions', JSON.stringify([...new Set(ids)])));
    },
  };
}
