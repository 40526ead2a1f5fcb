import { z } from 'zod';
import { ROW_KINDS, type MoveRecord } from '../../ports/store-copy.ts';
import type { MongoDatabase } from './database.ts';

const ID = 'migration';

const RecordDocument: z.ZodType<MoveRecord> = z.object({
  source: z.string(),
  startedAt: z.int(),
  finishedAt: z.int().nullable(),
  reached: z.partialRecord(z.enum(ROW_KINDS), z.string().nullable()),
});

/** What is being moved, or was, into a database; in `meta`. */
export async function findMoveRecord(database: MongoDatabase): Promise<MoveRecord | undefined> {
  const found = await database.run(() => metaOf(database).findOne({ _id: ID }));
  return found === null ? undefined : RecordDocument.parse(found);
}

export async function writeMoveRecord(database: MongoDatabase, record: MoveRecord): Promise<void> {
  await database.run(() =>
    metaOf(database).replaceOne({ _id: ID }, { ...record }, { upsert: true }),
  );
}

function metaOf({ db }: MongoDatabase) {
  return db.collection<{ _id: string }>('meta', { readPreference: 'primary' });
}
