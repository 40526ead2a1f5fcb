import { StoreUnavailableError } from '../../domain/errors.ts';
import type { ReplayRepository } from '../../ports/replay-repository.ts';
import type { MongoDatabase } from './database.ts';
import { createDocuments } from './documents.ts';
import { ReplayDocument } from './replay-documents.ts';

const COLLECTION = 'replays';

/** Replays in MongoDB, in `replays`. */
export function createMongoReplayRepository({
  database,
}: {
  database: MongoDatabase;
}): ReplayRepository {
  const documents = createDocuments({
    database,
    collection: database.db.collection(COLLECTION),
    schema: ReplayDocument,
    order: 'latest-first',
  });

  return {
    async insert(replay) {
      if (!(await documents.insert(replay))) {
        throw new StoreUnavailableError('mongodb', new Error(`the id ${replay.id} is taken`));
      }
    },

    find: (organizationId, id) => documents.find({ organizationId, id }),

    list: (organizationId, page) => documents.page({ organizationId }, page),

    running: () => documents.all({ state: 'running' }),

    async advance(id, cursor, { state, cursor: next, notifications, deliveries, finishedAt }) {
      const set = { state, cursor: next, notifications, deliveries, finishedAt };
      // One that is done has no cursor, as one that has just begun.
      return (await documents.change({ id, cursor, state: 'running' }, set)) !== undefined;
    },
  };
}

/** Makes the indexes of `replays`. */
export async function indexReplays({ db, run }: MongoDatabase): Promise<void> {
  await run(() =>
    db
      .collection(COLLECTION)
      .createIndexes([
        { key: { id: 1 }, unique: true },
        { key: { organizationId: 1, _id: 1 } },
        { key: { state: 1, _id: 1 } },
      ]),
  );
}
