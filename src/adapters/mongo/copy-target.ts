import type { Document } from 'mongodb';
import type { RowKind, StoredRow, StoreTarget } from '../../ports/store-copy.ts';
import { indexAudit } from './audit-trail.ts';
import { findMoveRecord, whileMarked, writeMoveRecord } from './copy-record.ts';
import { COLLECTIONS, readRow } from './copy-rows.ts';
import { createMongoSource, requireSchema } from './copy-source.ts';
import { openMongo, type MongoDatabase, type MongoOptions } from './database.ts';
import { indexDeliveries } from './delivery-indexes.ts';
import { insertMissing } from './insert-missing.ts';
import { indexReplays } from './replay-repository.ts';
import { recordSchema } from './schema.ts';
import { FIRST, indexSinks, TRACE } from './sink-repository.ts';
import { indexSubscriptions } from './subscription-repository.ts';

// Those of the inbox, which is small, a service makes when it starts.
const INDEXES = [indexSubscriptions, indexSinks, indexReplays, indexDeliveries, indexAudit];

/**
 * Opens a database to move rows into, and records its schema and makes its indexes, as a service does
 * when it starts. Rejects with a sentence when it cannot be reached or is of another version.
 */
export async function openMongoTarget(options: MongoOptions): Promise<StoreTarget> {
  const database = await openMongo(options);
  try {
    await recordSchema(database);
    await requireSchema(database);
    await Promise.all(INDEXES.map((make) => make(database)));
    return createMongoTarget(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

function createMongoTarget(database: MongoDatabase): StoreTarget {
  async function insertDocuments(name: string, documents: readonly Document[]): Promise<void> {
    const refused = await insertMissing(database, name, documents);
    for (const error of refused.values()) throw error;
  }

  return {
    ...createMongoSource(database, 'target'),

    async insert<K extends RowKind>(kind: K, rows: readonly StoredRow<K>[]) {
      const { name, write } = COLLECTIONS[kind];
      await insertDocuments(name, rows.map(write));
      // Only then: the first sink may be among them, and has that place.
      if (kind === 'sinks') await insertDocuments(name, [{ _id: FIRST, ...TRACE }]);
    },

    isReadBy: (source) => whileMarked(database, (mark) => source.hasMark(mark)),

    async find<K extends RowKind>(kind: K, ids: readonly string[]) {
      const { name, id } = COLLECTIONS[kind];
      const found = database.db
        .collection(name, { readPreference: 'primary' })
        .find({ [id]: { $in: ids } });
      const documents = await database.run(() => found.toArray());
      return documents.map((document) => readRow('target', kind, document));
    },

    findRecord: () => findMoveRecord(database),
    writeRecord: (record, over) => writeMoveRecord(database, record, over),
  };
}
