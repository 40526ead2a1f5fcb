import { ObjectId, type Collection, type Document, type Filter, type Sort } from 'mongodb';
import { z } from 'zod';
import type { Page, PageRequest } from '../../domain/page.ts';
import { createCursors, pageOf } from '../stores/cursor.ts';
import { insertNew, type MongoDatabase } from './database.ts';

/**
 * The documents of one collection: each is a value of the domain as it is, and has as `_id` its
 * place in the order in which they were made. That order is exact within one instance, and across
 * instances as far as their clocks agree, to the second.
 */
export interface Documents<T> {
  /** Adds one, at a place of its own unless one is given; `false` when a unique key of it is taken. */
  insert(value: object, place?: ObjectId): Promise<boolean>;
  find(filter: Filter<Document>): Promise<T | undefined>;
  /** The first `limit` of a sort; all, in the order in which they were made, when none is given. */
  all(
    filter: Filter<Document>,
    by?: { readonly sort: Sort; readonly limit: number },
  ): Promise<readonly T[]>;
  page(filter: Filter<Document>, page: PageRequest): Promise<Page<T>>;
  /**
   * Sets the given fields of the one that the filter finds and gives it as it is then; `undefined`,
   * and nothing written, when there is none. Atomic: of those who ask for a state that their change
   * ends, one finds it.
   */
  change(filter: Filter<Document>, set: object): Promise<T | undefined>;
  /** Removes the one that the filter finds; `false` when there is none. */
  remove(filter: Filter<Document>): Promise<boolean>;
}

const Place = z.tuple([z.string().regex(/^[\da-f]{24}$/)]);
const Placed = z.object({ _id: z.instanceof(ObjectId) });

const ORDERS = {
  'oldest-first': { sort: { _id: 1 }, beyond: '$gt', start: '0'.repeat(24) },
  'latest-first': { sort: { _id: -1 }, beyond: '$lt', start: 'f'.repeat(24) },
} as const;

export function createDocuments<T>(deps: {
  database: MongoDatabase;
  collection: Collection;
  schema: z.ZodType<T>;
  /** Of pages. */
  order: keyof typeof ORDERS;
}): Documents<T> {
  const { database, collection, schema } = deps;
  const { sort, beyond, start } = ORDERS[deps.order];
  const cursors = createCursors(collection.collectionName, Place);
  const Found = schema.nullable().transform((value) => value ?? undefined);
  // A field that is there but undefined would be stored as null. Only writes leave it out: a filter
  // without it would find what is somebody else's.
  const ignoreUndefined = true;

  return {
    insert(value, place = new ObjectId()) {
      const document = { _id: place, ...value };
      return insertNew(database, () => collection.insertOne(document, { ignoreUndefined }));
    },

    async find(filter) {
      return Found.parse(await database.run(() => collection.findOne(filter)));
    },

    async all(filter, by) {
      const found = collection.find(filter, by ?? { sort: { _id: 1 } });
      return z.array(schema).parse(await database.run(() => found.toArray()));
    },

    async page(filter, { limit, cursor }) {
      const [place] = cursors.read(cursor, [start]);
      const rest = { ...filter, _id: { [beyond]: ObjectId.createFromHexString(place) } };
      const options = { sort, limit: limit + 1, batchSize: limit + 1 };
      const found = await database.run(() => collection.find(rest, options).toArray());
      return pageOf(found, limit, {
        item: (document) => schema.parse(document),
        cursor: (document) => cursors.write([Placed.parse(document)._id.toHexString()]),
      });
    },

    async change(filter, set) {
      const options = { returnDocument: 'after', ignoreUndefined } as const;
      const changed = await database.run(() =>
        collection.findOneAndUpdate(filter, { $set: set }, options),
      );
      return Found.parse(changed);
    },

    async remove(filter) {
      const { deletedCount } = await database.run(() => collection.deleteOne(filter));
      return deletedCount === 1;
    },
  };
}
