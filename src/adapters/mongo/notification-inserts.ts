import { z } from 'zod';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { Notification } from '../../domain/notifications/notification.ts';
import type { DeliveryStore, InsertedNotification } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { insertUnlessThere } from './delivery-bulk-insert.ts';
import { slicesOf } from './delivery-slices.ts';
import { notificationsOf, writeNotification } from './notification-documents.ts';

const Known = z.object({
  _id: z.string(),
  receiptId: z.string(),
  place: z.int(),
  expanded: z.boolean(),
  sinkIds: z.array(z.string()),
});
type Known = z.infer<typeof Known>;

const KNOWN = { receiptId: 1, place: 1, expanded: 1, sinkIds: 1 } as const;

/** Inserts notifications and says for each what it found. */
export function createInsertNotifications(
  database: MongoDatabase,
): DeliveryStore['insertNotifications'] {
  const notifications = notificationsOf(database);

  async function findKnown(ids: readonly string[]): Promise<ReadonlyMap<string, Known>> {
    if (ids.length === 0) return new Map();
    const found = await database.run(() =>
      notifications.find({ _id: { $in: ids } }, { projection: KNOWN }).toArray(),
    );
    return new Map(found.map((document) => [document._id, Known.parse(document)]));
  }

  async function insertSlice(rows: readonly Notification[]): Promise<InsertedNotification[]> {
    const firsts = firstOfEach(rows);
    const there = await database.run(() =>
      insertUnlessThere(notifications, firsts.map(writeNotification)),
    );
    const inserted = new Set(firsts.filter((_, index) => !there.has(index)).map(({ id }) => id));
    const isNew = rows.map(({ id }) => inserted.delete(id));
    const known = await findKnown(rows.filter((_, index) => !isNew[index]).map(({ id }) => id));
    return rows.map((row, index) =>
      isNew[index]
        ? { found: 'new', expanded: false, sinkIds: row.sinkIds }
        : compare(row, known.get(row.id)),
    );
  }

  return async function insertNotifications(rows) {
    const found: InsertedNotification[] = [];
    // One after the other: of rows with the same id the first one has to be there first.
    for (const slice of slicesOf(rows)) found.push(...(await insertSlice(slice)));
    return found;
  };
}

/** Of rows with the same id the first: the server may insert them in any order. */
function firstOfEach(rows: readonly Notification[]): Notification[] {
  const firsts = new Map<string, Notification>();
  for (const row of rows) if (!firsts.has(row.id)) firsts.set(row.id, row);
  return [...firsts.values()];
}

function compare(row: Notification, known: Known | undefined): InsertedNotification {
  if (known === undefined) {
    // Asked again, the caller finds the id free.
    throw new StoreUnavailableError('mongodb', new Error(`${row.id} was purged meanwhile`));
  }
  const { receiptId, place, expanded, sinkIds } = known;
  const own = receiptId === row.receiptId && place === row.place;
  return { found: own ? 'own' : 'duplicate', expanded, sinkIds };
}
