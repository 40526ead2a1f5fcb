import { z } from 'zod';
import { isDuplicate, type MongoDatabase } from './database.ts';

interface SchemaVersion {
  readonly version: number;
  /** The oldest program version that can work with the database. */
  readonly readableFrom: number;
}

/** What this program writes. */
export const SCHEMA: SchemaVersion = { version: 1, readableFrom: 1 };

const SchemaDocument = z.object({ version: z.int(), readableFrom: z.int() });

/**
 * Records that a program of this version uses the database; rejects when it cannot, in words that
 * say what to do. One atomic write, in which the higher version stays: of two instances that start
 * at once both go on, and a refused one has changed nothing.
 */
export async function recordSchema(database: MongoDatabase): Promise<void> {
  // Two upserts of the same document may meet; the second then finds what the first has made.
  const found = await raiseVersion(database).catch((error: unknown) => {
    if (isDuplicate(error)) return raiseVersion(database);
    throw error;
  });
  if (found.readableFrom > SCHEMA.version) {
    throw new Error(
      `the database ${database.db.databaseName} was written by a newer Sallyport (schema ` +
        `${found.version}, readable from ${found.readableFrom}; this one knows ` +
        `${SCHEMA.version}): start that version, or restore a backup`,
    );
  }
}

async function raiseVersion({ db, run }: MongoDatabase): Promise<SchemaVersion> {
  const meta = db.collection<{ _id: string }>('meta');
  const options = { upsert: true, returnDocument: 'after' } as const;
  const recorded = await run(() =>
    meta.findOneAndUpdate({ _id: 'schema' }, { $max: SCHEMA }, options),
  );
  return SchemaDocument.parse(recorded);
}
