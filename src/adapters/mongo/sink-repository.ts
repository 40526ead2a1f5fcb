import { BSON, ObjectId } from 'mongodb';
import { z } from 'zod';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { createKnownRows } from '../stores/known-rows.ts';
import type { MongoDatabase } from './database.ts';
import { createDocuments } from './documents.ts';
import { SinkDocument } from './sink-documents.ts';
import { createSoftDeletable, deleted, living } from './soft-deletable.ts';

const COLLECTION = 'sinks';

// Whoever gets this place has made the first sink ever; it is never free again.
export const FIRST = ObjectId.createFromHexString('1'.padStart(24, '0'));

// Holds the first place where there is no sink (any more) that could; no organisation has this name.
export const TRACE = { id: '', organizationId: '', deletedAt: 0 };

/** A document as it comes over the wire, as text of a character for each byte. */
const Bytes = z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('latin1'));
const AllBytes = z.array(Bytes);

/** Sinks in MongoDB, in `sinks`. */
export function createMongoSinkRepository({
  database,
}: {
  database: MongoDatabase;
}): SinkRepository {
  const collection = database.db.collection(COLLECTION);
  const documents = createDocuments({
    database,
    collection,
    schema: SinkDocument,
    order: 'oldest-first',
  });

  const readKnown = createKnownRows((bytes) =>
    SinkDocument.parse(BSON.deserialize(Buffer.from(bytes, 'latin1'))),
  );

  return {
    ...createSoftDeletable(documents),

    async insert(sink) {
      // Before the sink, so that no first one comes in between.
      await documents.insert(TRACE, FIRST);
      if (!(await documents.insert(sink))) {
        throw new StoreUnavailableError('mongodb', new Error(`the id ${sink.id} is taken`));
      }
    },

    insertFirst: (sink) => documents.insert(sink, FIRST),

    findDeleted: (organizationId, id) => documents.find(deleted(organizationId, id)),

    async all() {
      const found = collection.find({ deletedAt: null }, { sort: { _id: 1 }, raw: true });
      return readKnown(AllBytes.parse(await database.run(() => found.toArray())));
    },

    replaceSecrets({ organizationId, id, secrets }, by, now) {
      const known = secrets === null ? { secrets: null } : { 'secrets.iv': secrets.iv };
      const { previousSecretsUntil } = by;
      const set = { secrets: by.secrets, previousSecretsUntil, updatedAt: now };
      return documents.change({ ...living(organizationId, id), ...known }, set);
    },

    async permanentlyDelete(organizationId, id) {
      const it = deleted(organizationId, id);
      const { matchedCount } = await database.run(() =>
        collection.replaceOne({ ...it, _id: FIRST }, TRACE),
      );
      return matchedCount === 1 || documents.remove({ ...it, _id: { $ne: FIRST } });
    },
  };
}

/** Makes the indexes of `sinks`. */
export async function indexSinks({ db, run }: MongoDatabase): Promise<void> {
  await run(() =>
    db
      .collection(COLLECTION)
      .createIndexes([
        { key: { id: 1 }, unique: true },
        { key: { organizationId: 1, deletedAt: 1, _id: 1 } },
      ]),
  );
}
