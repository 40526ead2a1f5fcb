import { ObjectId, type Filter } from 'mongodb';
import { z } from 'zod';
import type { Notification } from '../../domain/notifications/notification.ts';
import type { DeliveryStore, NotificationQuery } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { deliveriesOf, type DeliveryDocument } from './delivery-documents.ts';
import {
  notificationsOf,
  readNotification,
  type NotificationDocument,
} from './notification-documents.ts';
import { behind, createWalk, latestFirst, LOOK_AT, type Look, type Place } from './page-walk.ts';

const Row = z.object({
  _id: z.string(),
  organizationId: z.string(),
  tenantId: z.string(),
  state: z.string(),
  receivedAt: z.int(),
  order: z.instanceof(ObjectId),
});
type Row = z.infer<typeof Row>;

const ROW = { organizationId: 1, tenantId: 1, state: 1, receivedAt: 1, order: 1 } as const;

/** Searches the notifications of an organisation; of a subscription by its own index. */
export function createSearch(database: MongoDatabase): DeliveryStore['search'] {
  const notifications = notificationsOf(database);
  const deliveries = deliveriesOf(database);
  const walk = createWalk('notifications', database.clock);

  return function search(organizationId, query, page) {
    const { subscriptionId, receivedFrom = 0, receivedBefore } = query;
    const owner = subscriptionId === undefined ? { organizationId } : { subscriptionId };
    const narrow = isNarrow(query);

    async function look(after: Place, wanted: number): Promise<Look<Notification>> {
      const limit = narrow ? LOOK_AT : wanted;
      const rows = await lookAt({ ...owner, ...behind('receivedAt', after, receivedFrom) }, limit);
      const matching = await withDelivery(
        query,
        rows.filter((row) => row.organizationId === organizationId && matches(row, query)),
      );
      const chosen = matching.slice(0, wanted);
      const end = matching.length > wanted ? chosen.at(-1) : rows[limit - 1];
      return { found: await read(chosen), stoppedAt: end === undefined ? null : placeOf(end) };
    }

    return walk(page, receivedBefore, look);
  };

  async function lookAt(filter: Filter<NotificationDocument>, limit: number): Promise<Row[]> {
    const sort = latestFirst('receivedAt');
    const rows = await database.run(() =>
      notifications.find(filter, { projection: ROW, sort, limit, batchSize: limit }).toArray(),
    );
    return rows.map((row) => Row.parse(row));
  }

  /** Those that have a delivery as the query asks for. */
  async function withDelivery(
    query: NotificationQuery,
    rows: readonly Row[],
  ): Promise<readonly Row[]> {
    const { sinkId, delivery: state } = query;
    if (rows.length === 0 || (sinkId === undefined && state === undefined)) return rows;
    const filter: Filter<DeliveryDocument> = {
      notificationId: { $in: rows.map(({ _id }) => _id) },
      ...(sinkId === undefined ? {} : { sinkId }),
      ...(state === undefined ? {} : { state }),
    };
    const ids = new Set(await database.run(() => deliveries.distinct('notificationId', filter)));
    return rows.filter(({ _id }) => ids.has(_id));
  }

  /** Reads them whole; one that was purged meanwhile is left out. */
  async function read(rows: readonly Row[]): Promise<Look<Notification>['found']> {
    if (rows.length === 0) return [];
    const documents = await database.run(() =>
      notifications.find({ _id: { $in: rows.map(({ _id }) => _id) } }).toArray(),
    );
    const byId = new Map(documents.map((document) => [document._id, document]));
    return rows.flatMap((row) => {
      const document = byId.get(row._id);
      return document === undefined
        ? []
        : [{ place: placeOf(row), item: readNotification(document) }];
    });
  }
}

/** Whether the query leaves out some of those that the index gives. */
function isNarrow({ state, tenantId, sinkId, delivery }: NotificationQuery): boolean {
  return [state, tenantId, sinkId, delivery].some((field) => field !== undefined);
}

function matches(row: Row, { state, tenantId }: NotificationQuery): boolean {
  return (
    (state === undefined || row.state === state) &&
    (tenantId === undefined || row.tenantId === tenantId)
  );
}

function placeOf({ receivedAt, order }: Row): Place {
  return [receivedAt, order.toHexString()];
}
