import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { Delivery } from '../../domain/delivery/delivery.ts';
import type { DeadLetter, DeadLetterQuery, DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { deliveriesOf, readDelivery, WITHOUT_ATTEMPTS } from './delivery-documents.ts';
import {
  BARE,
  notificationsOf,
  readBareNotification,
  type BareNotification,
} from './notification-documents.ts';
import { behind, createWalk, latestFirst, LOOK_AT, type Look, type Place } from './page-walk.ts';

const Placed = z.object({ dueAt: z.int(), order: z.instanceof(ObjectId) });

/** Lists the dead deliveries of an organisation; of a sink by its own index. */
export function createDeadLetterList(database: MongoDatabase): DeliveryStore['deadLetters'] {
  const deliveries = deliveriesOf(database);
  const notifications = notificationsOf(database);
  const walk = createWalk('dead-letters', database.clock);

  return function deadLetters(organizationId, query, page) {
    const { sinkId, reason, diedFrom = 0, diedBefore } = query;
    const owner = sinkId === undefined ? { organizationId } : { sinkId };
    const narrow = isNarrow(query);

    async function look(after: Place, wanted: number): Promise<Look<DeadLetter>> {
      const limit = narrow ? LOOK_AT : wanted;
      // When it died stands in `dueAt`.
      const dead = { state: 'dead', ...owner, ...behind('dueAt', after, diedFrom) } as const;
      const sort = latestFirst('dueAt');
      const options = { projection: WITHOUT_ATTEMPTS, sort, limit, batchSize: limit };
      const rows = await database.run(() => deliveries.find(dead, options).toArray());
      const matching = rows
        .map((row) => ({ place: placeOf(row), delivery: readDelivery(row) }))
        .filter(({ delivery }) => delivery.organizationId === organizationId)
        .filter(({ delivery }) => reason === undefined || delivery.reason === reason);
      const known = await readNotifications(
        matching.map(({ delivery }) => delivery),
        query,
      );
      const found = matching.flatMap(({ place, delivery }) => {
        const notification = known.get(delivery.notificationId);
        return notification === undefined ? [] : [{ place, item: { delivery, notification } }];
      });
      const last = rows[limit - 1];
      return { found, stoppedAt: last === undefined ? null : placeOf(last) };
    }

    return walk(page, diedBefore, look);
  };

  /** What these would have delivered, as far as it is what the query asks for. */
  async function readNotifications(
    dead: readonly Delivery[],
    { subscriptionId, tenantId }: DeadLetterQuery,
  ): Promise<ReadonlyMap<string, BareNotification>> {
    if (dead.length === 0) return new Map();
    const filter = {
      _id: { $in: [...new Set(dead.map(({ notificationId }) => notificationId))] },
      ...(subscriptionId === undefined ? {} : { subscriptionId }),
      ...(tenantId === undefined ? {} : { tenantId }),
    };
    const found = await database.run(() =>
      notifications.find(filter, { projection: BARE }).toArray(),
    );
    return new Map(found.map(readBareNotification).map((each) => [each.id, each]));
  }
}

/** Whether the query leaves out some of those that the index gives. */
function isNarrow({ subscriptionId, tenantId, reason }: DeadLetterQuery): boolean {
  return [subscriptionId, tenantId, reason].some((field) => field !== undefined);
}

function placeOf(document: unknown): Place {
  const { dueAt, order } = Placed.parse(document);
  return [dueAt, order.toHexString()];
}
