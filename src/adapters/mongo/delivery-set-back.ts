import type { Filter } from 'mongodb';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { deliveriesOf, type DeliveryDocument } from './delivery-documents.ts';

/** Brings forward what a clock that was set back has put off, found by the index of what is due. */
export function createBringForward(database: MongoDatabase): DeliveryStore['bringForward'] {
  const deliveries = deliveriesOf(database);

  return async function bringForward(sinkIds, { now, after, latest }, limit) {
    const late = { sinkId: { $in: [...sinkIds] }, dueAt: { $gt: after } };
    await database.run(() =>
      deliveries.updateMany({ ...late, state: 'claimed' }, { $set: { dueAt: after } }),
    );
    const lastTry = { $arrayElemAt: ['$attempts.startedAt', -1] };
    const putOff: Filter<DeliveryDocument> = {
      ...late,
      state: 'due',
      $or: [{ attempt: 0 }, { dueAt: { $gt: latest } }, { $expr: { $gt: [lastTry, after] } }],
    };
    const found = await database.run(() =>
      deliveries.find(putOff, { projection: { _id: 1 }, limit, batchSize: limit }).toArray(),
    );
    // Once more by all of it: another instance may have moved some on in between.
    const those = { ...putOff, _id: { $in: found.map(({ _id }) => _id) } };
    const change = { $set: { dueAt: now }, $inc: { generation: 1 } };
    await database.run(() => deliveries.updateMany(those, change));
    return found.length;
  };
}
