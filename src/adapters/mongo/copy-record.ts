import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ROW_KINDS, type MoveRecord } from '../../ports/store-copy.ts';
import { insertNew, type MongoDatabase } from './database.ts';

const ID = 'migration';
const UNFINISHED = { _id: ID, finishedAt: null };

const RecordDocument: z.ZodType<MoveRecord> = z.object({
  source: z.string(),
  run: z.string(),
  startedAt: z.int(),
  finishedAt: z.int().nullable(),
  reached: z.partialRecord(z.enum(ROW_KINDS), z.string().nullable()),
});

/** What is being moved, or was, into a database; in `meta`. */
export async function findMoveRecord(database: MongoDatabase): Promise<MoveRecord | undefined> {
  const found = await database.run(() => metaOf(database).findOne({ _id: ID }));
  return found === null ? undefined : RecordDocument.parse(found);
}

/** See `StoreTarget.writeRecord`. */
export async function writeMoveRecord(
  database: MongoDatabase,
  record: MoveRecord,
  over: string | undefined,
): Promise<boolean> {
  if (over === undefined) {
    return insertNew(database, () => metaOf(database).insertOne({ _id: ID, ...record }));
  }
  const { matchedCount } = await database.run(() =>
    metaOf(database).updateOne({ ...UNFINISHED, run: over }, { $set: record }),
  );
  return matchedCount === 1;
}

/** Whether rows are being moved into a database, or were until something ended it. */
export async function isBeingMoved(database: MongoDatabase): Promise<boolean> {
  return (await database.run(() => metaOf(database).findOne(UNFINISHED))) !== null;
}

/** Leaves a mark while it is looked for. One that a kill leaves behind says nothing to anybody. */
export async function whileMarked<T>(
  database: MongoDatabase,
  look: (mark: string) => Promise<T>,
): Promise<T> {
  const mark = `mark-${randomUUID()}`;
  await database.run(() => metaOf(database).insertOne({ _id: mark }));
  try {
    return await look(mark);
  } finally {
    await database.run(() => metaOf(database).deleteOne({ _id: mark }));
  }
}

export async function hasMark(database: MongoDatabase, mark: string): Promise<boolean> {
  return (await database.run(() => metaOf(database).findOne({ _id: mark }))) !== null;
}

function metaOf({ db }: MongoDatabase) {
  return db.collection<{ _id: string } & Partial<MoveRecord>>('meta', {
    readPreference: 'primary',
  });
}
