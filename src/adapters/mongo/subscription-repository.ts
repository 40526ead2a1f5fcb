import { z } from 'zod';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import type { MongoDatabase } from './database.ts';
import { createDocuments } from './documents.ts';
import { createSoftDeletable, deleted } from './soft-deletable.ts';
import { KnownDocument, SubscriptionDocument } from './subscription-documents.ts';

const COLLECTION = 'subscriptions';

const KNOWN = Object.fromEntries(Object.keys(KnownDocument.shape).map((field) => [field, 1]));

/** Subscriptions in MongoDB, in `subscriptions`. */
export function createMongoSubscriptionRepository({
  database,
}: {
  database: MongoDatabase;
}): SubscriptionRepository {
  const collection = database.db.collection(COLLECTION);
  const documents = createDocuments({
    database,
    collection,
    schema: SubscriptionDocument,
    order: 'latest-first',
  });

  return {
    ...createSoftDeletable(documents),

    insert: (subscription) => documents.insert(subscription),

    permanentlyDelete: (organizationId, id) => documents.remove(deleted(organizationId, id)),

    ending({ from, before }, limit) {
      const filter = { deletedAt: null, expirationAt: { $gte: from, $lt: before } };
      return documents.all(filter, { sort: { expirationAt: 1, _id: 1 }, limit });
    },

    async lookUp(ids) {
      if (ids.length === 0) return [];
      const wanted = [...new Set(ids)];
      // All in the first answer: the way to a 202 has no time for a second one.
      const options = { projection: { ...KNOWN, _id: 0 }, batchSize: wanted.length };
      const found = collection.find({ id: { $in: wanted } }, options);
      return z.array(KnownDocument).parse(await database.run(() => found.toArray()));
    },
  };
}

/** Makes the indexes of `subscriptions`; an id is unique over all organisations. */
export async function indexSubscriptions({ db, run }: MongoDatabase): Promise<void> {
  await run(() =>
    db
      .collection(COLLECTION)
      .createIndexes([
        { key: { id: 1 }, unique: true },
        { key: { organizationId: 1, deletedAt: 1, _id: 1 } },
        { key: { deletedAt: 1, expirationAt: 1, _id: 1 } },
      ]),
  );
}
