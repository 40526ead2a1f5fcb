import { z } from 'zod';
import type { SealedValues } from '../../ports/sealed-values.ts';
import type { MongoDatabase } from './database.ts';
import { HELD, RECEIPTS } from './inbox-writer.ts';
import { notificationsOf } from './notification-documents.ts';

/** Where envelopes stand in what is few. */
const SEALED = [
  ['sinks', 'secrets.keyId'],
  ['sinks', 'headers.keyId'],
  [HELD, 'tokens.keyId'],
] as const;

// An index on the keys of what waits would be written to with every notification.
const LOOKED_AT = 1000;

const Ids = z.array(z.string());
const Waiting = z.object({ sealed: z.object({ keyId: z.string() }) });
const Sealed = z.object({ tokens: z.object({ keyId: z.string() }).nullish() });

/** What lies sealed in MongoDB. */
export function createMongoSealedValues(database: MongoDatabase): SealedValues {
  const { db, run } = database;

  async function distinct(collection: string, field: string): Promise<string[]> {
    return Ids.parse(await run(() => db.collection(collection).distinct(field)));
  }

  /** From one end of time, as the index that `state` leads has them. */
  async function ofWaiting(direction: 1 | -1): Promise<string[]> {
    const found = notificationsOf(database).find(
      { state: 'waiting' },
      {
        projection: { 'sealed.keyId': 1 },
        sort: { receivedAt: direction, order: direction },
        limit: LOOKED_AT,
      },
    );
    const documents = await run(() => found.toArray());
    return documents.map((document) => Waiting.parse(document).sealed.keyId);
  }

  /** In the order of their ids, which is that of their receipt. */
  async function ofReceipts(direction: 1 | -1): Promise<string[]> {
    const found = db
      .collection(RECEIPTS)
      .find({}, { projection: { 'tokens.keyId': 1 }, sort: { _id: direction }, limit: LOOKED_AT });
    const documents = await run(() => found.toArray());
    return documents.flatMap((document) => Sealed.parse(document).tokens?.keyId ?? []);
  }

  return {
    async neededKeys() {
      const found = await Promise.all([
        ...SEALED.map(([collection, field]) => distinct(collection, field)),
        ...([1, -1] as const).flatMap((direction) => [ofWaiting(direction), ofReceipts(direction)]),
      ]);
      return [...new Set(found.flat())];
    },
  };
}
