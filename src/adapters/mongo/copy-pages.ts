import { BSON, type Document, type FindCursor } from 'mongodb';
import type { RowKind, StoreSource } from '../../ports/store-copy.ts';
import type { NamedRow } from '../stores/stored-row.ts';
import { COLLECTIONS, readRow, toObjectId } from './copy-rows.ts';
import type { MongoDatabase } from './database.ts';

const PAGE_ROWS = 500;
const PAGE_BYTES = 8 * 1024 * 1024;
// A cursor may be lost with its server's connection; the next one begins where it was.
const TRIES = 3;

interface Reading {
  readonly kind: RowKind;
  /** Where its next page begins. */
  readonly at: string | undefined;
  readonly cursor: FindCursor<Document>;
}

/** A page that is not read yet. */
interface Fetched {
  readonly documents: readonly Document[];
  readonly next: string | null;
}

/**
 * Reads collections page by page, in the order of `_id`. As long as pages are asked for one after the
 * other they come from one query: what a server does once for each may be as long as the collection.
 */
export function createPageReader(
  database: MongoDatabase,
  store: NamedRow['store'],
): Pick<StoreSource, 'page'> {
  let reading: Reading | undefined;

  function open(kind: RowKind, at: string | undefined): Reading {
    const { name, placed, filter } = COLLECTIONS[kind];
    const behind: Document = at === undefined ? {} : { _id: { $gt: placed ? toObjectId(at) : at } };
    // The primary, whatever the URL prefers: what is missing in a stale copy would be lost.
    const options = { sort: { _id: 1 }, batchSize: PAGE_ROWS, readPreference: 'primary' } as const;
    const cursor = database.db.collection(name).find({ ...filter, ...behind }, options);
    return { kind, at, cursor };
  }

  async function fetchNext(kind: RowKind, at: string | undefined): Promise<Fetched> {
    const known = reading;
    reading = undefined;
    const fits = known?.kind === kind && known.at === at;
    if (!fits) await known?.cursor.close();
    const { cursor } = fits ? known : open(kind, at);
    try {
      const page = await database.run(() => fetchPage(cursor));
      if (page.next !== null) reading = { kind, at: page.next, cursor };
      return page;
    } finally {
      if (reading === undefined) await cursor.close();
    }
  }

  async function fetchAgain(kind: RowKind, at: string | undefined): Promise<Fetched> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await fetchNext(kind, at);
      } catch (error) {
        if (tries === TRIES) throw error;
      }
    }
  }

  return {
    async page(kind, after) {
      const { documents, next } = await fetchAgain(kind, after);
      // Not in `run`, for which every failure is the server's.
      return { rows: documents.map((document) => readRow(store, kind, document)), next };
    },
  };
}

async function fetchPage(cursor: FindCursor<Document>): Promise<Fetched> {
  const documents: Document[] = [];
  let bytes = 0;
  for (;;) {
    const document = await cursor.next();
    if (document === null) return { documents, next: null };
    documents.push(document);
    bytes += BSON.calculateObjectSize(document);
    if (documents.length < PAGE_ROWS && bytes < PAGE_BYTES) continue;
    return { documents, next: String(document['_id']) };
  }
}
