import { z } from 'zod';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import { createCursors, pageOf } from './cursor.ts';
import type { StoreThreads } from './store-call.ts';
import {
  KnownText,
  SubscriptionRow,
  SubscriptionRows,
  writeSubscription,
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

    async list(organizationId, { limit, cursor }) {
      const [before] = cursors.read(cursor, [Number.MAX_SAFE_INTEGER]);
      const argument = { organizationId, before, limit: limit + 1 };
      const rows = SubscriptionRows.parse(await read('listSubscriptions', argument));
      return pageOf(rows, limit, {
        item: ({ seq: _seq, ...subscription }) => subscription,
        cursor: ({ seq }) => cursors.write([seq]),
      });
    },

    async lookUp(ids) {
      if (ids.length === 0) return [];
      return KnownText.parse(await read('lookUpSubscriptions', JSON.stringify([...new Set(ids)])));
    },
  };
}
