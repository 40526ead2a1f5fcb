import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { deliveriesOf, ENDED, OPEN_OR_DEAD } from './delivery-documents.ts';
import { notificationsOf } from './notification-documents.ts';

// What stays, because a delivery of it is open or dead, may be most of what is old. A look is at so
// many of them, a purge makes a bounded number of looks, the next one goes on there.
const STAYING_LOOKED_AT = 1000;
const MAX_LOOKS = 20;

const Row = z.object({ _id: z.string(), receivedAt: z.int(), order: z.instanceof(ObjectId) });
type Row = z.infer<typeof Row>;

const ROW = { receivedAt: 1, order: 1 } as const;

/** Purges in walks over what is old; each begins where the one before stopped. */
export function createPurge(database: MongoDatabase): DeliveryStore['purge'] {
  const deliveries = deliveriesOf(database);
  const notifications = notificationsOf(database);
  let stoppedAt: Row | undefined;

  async function purgeDeadLetters(before: number, limit: number): Promise<number> {
    const old = { state: 'dead', dueAt: { $lt: before } } as const;
    const found = await database.run(() =>
      deliveries.find(old, { projection: { _id: 1 }, limit }).toArray(),
    );
    const those = { ...old, _id: { $in: found.map(({ _id }) => _id) } };
    return (await database.run(() => deliveries.deleteMany(those))).deletedCount;
  }

  async function purgeNotifications(before: number, limit: number): Promise<number> {
    let removed = 0;
    for (let looks = 0; looks < MAX_LOOKS && removed < limit; looks += 1) {
      const wanted = limit - removed;
      const lookAt = wanted + STAYING_LOOKED_AT;
      const rows = await findOld(before, lookAt);
      const staying = await stayingOf(rows.map(({ _id }) => _id));
      const going = rows.filter(({ _id }) => !staying.has(_id));
      if (going.length > 0) removed += await remove(going.slice(0, wanted).map(({ _id }) => _id));
      stoppedAt = going.length >= wanted ? going[wanted - 1] : rows[lookAt - 1];
      if (stoppedAt === undefined) break;
    }
    return removed;
  }

  async function findOld(before: number, limit: number): Promise<Row[]> {
    const { receivedAt = 0, order = new ObjectId('0'.repeat(24)) } = stoppedAt ?? {};
    const behind = [{ receivedAt: { $gt: receivedAt } }, { receivedAt, order: { $gt: order } }];
    const times = { $gte: receivedAt, $lt: before };
    const filter = { state: 'accepted', receivedAt: times, $or: behind } as const;
    const sort = { receivedAt: 1, order: 1 } as const;
    const found = await database.run(() =>
      notifications.find(filter, { projection: ROW, sort, limit, batchSize: limit }).toArray(),
    );
    return found.map((row) => Row.parse(row));
  }

  /** Those that have an open or dead delivery. */
  async function stayingOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const filter = { notificationId: { $in: ids }, state: { $in: OPEN_OR_DEAD } };
    return new Set(await database.run(() => deliveries.distinct('notificationId', filter)));
  }

  /**
   * Removes notifications that nothing is open of; gives how many went. Their deliveries go first:
   * a crash then leaves notifications, which the next purge finds, and never a delivery that one
   * made anew under its id would take for its own. How it races with inserts stands at
   * `createInsertDeliveries`.
   */
  async function remove(ids: readonly string[]): Promise<number> {
    const leaving = new ObjectId();
    await database.run(() =>
      notifications.updateMany({ _id: { $in: ids } }, { $set: { leaving } }),
    );
    const staying = await stayingOf(ids);
    const going = ids.filter((id) => !staying.has(id));
    const ended = { notificationId: { $in: going }, state: { $in: ENDED } };
    await database.run(() => deliveries.deleteMany(ended));
    const { deletedCount } = await database.run(() =>
      notifications.deleteMany({ _id: { $in: going }, leaving }),
    );
    return deletedCount;
  }

  return async function purge({ notificationsBefore, deadLettersBefore, limit }) {
    return {
      deadLetters: await purgeDeadLetters(deadLettersBefore, limit),
      notifications: await purgeNotifications(notificationsBefore, limit),
    };
  };
}
