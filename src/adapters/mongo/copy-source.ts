import { z } from 'zod';
import type { StoreSource } from '../../ports/store-copy.ts';
import type { NamedRow } from '../stores/stored-row.ts';
import { createPageReader } from './copy-pages.ts';
import { hasMark, isBeingMoved } from './copy-record.ts';
import { openMongo, type MongoDatabase, type MongoOptions } from './database.ts';
import { SCHEMA } from './schema.ts';

const SchemaDocument = z.object({ version: z.int() }).nullable();

/**
 * Opens a database to be read as a whole; no service may work in it meanwhile. Rejects with a sentence
 * when it cannot be reached, when it is none, when it is of another version, and while something is
 * being moved into it.
 */
export async function openMongoSource(options: MongoOptions): Promise<StoreSource> {
  const database = await openMongo(options);
  try {
    await requireSchema(database);
    if (await isBeingMoved(database)) {
      throw new Error(
        'The source is the target of a migration that is not done: finish that first',
      );
    }
    return createMongoSource(database, 'source');
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Rejects unless this program's version is the one that knows every field of the database. */
export async function requireSchema({ db, run }: MongoDatabase): Promise<void> {
  const meta = db.collection<{ _id: string }>('meta');
  const found = SchemaDocument.parse(await run(() => meta.findOne({ _id: 'schema' })));
  if (found?.version === SCHEMA.version) return;
  const of = `the database ${db.databaseName}`;
  if (found === null)
    throw new Error(`There is nothing of Sallyport in ${of}: is it the right one?`);
  throw new Error(
    `Of ${of} the schema is ${found.version}, and this Sallyport moves ${SCHEMA.version} only: ` +
      (found.version > SCHEMA.version
        ? 'take the version that wrote it'
        : 'start this version on it once'),
  );
}

export function createMongoSource(database: MongoDatabase, store: NamedRow['store']): StoreSource {
  return {
    ...createPageReader(database, store),
    hasMark: (mark) => hasMark(database, mark),
    close: () => database.close(),
  };
}
