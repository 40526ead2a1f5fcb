import { ObjectId, type Document } from 'mongodb';
import { z } from 'zod';
import type { Replay } from '../../domain/delivery/replay.ts';
import type { RowKind, RowValues, StoredReplay, StoredRow } from '../../ports/store-copy.ts';
import { readAuditEntry } from './audit-documents.ts';
import { createCursors } from '../stores/cursor.ts';
import { type NamedRow, readStoredRow } from '../stores/stored-row.ts';
import { readDeliveryWithAttempts } from './delivery-documents.ts';
import { readHeldItem, readReceipt, toHeldDocument, toReceiptDocument } from './inbox-documents.ts';
import { HELD, RECEIPTS } from './inbox-writer.ts';
import { readNotification } from './notification-documents.ts';
import { ReplayDocument } from './replay-documents.ts';
import { SinkDocument } from './sink-documents.ts';
import { TRACE } from './sink-repository.ts';
import { SubscriptionDocument } from './subscription-documents.ts';

/** How the rows of a kind stand in their collection. */
export interface CopyCollection<K extends RowKind> {
  readonly name: string;
  /** What holds the id of a row. */
  readonly id: '_id' | 'id';
  /** Whether `_id` is an ObjectId, which says the place. */
  readonly placed: boolean;
  readonly filter: Document;
  read(document: unknown): StoredRow<K>;
  write(row: StoredRow<K>): Document;
}

/** Where a search goes on; see `createWalk`. */
const searches = createCursors('notifications', z.tuple([z.int(), z.string()]).readonly());

const Placed = z.object({ _id: z.instanceof(ObjectId) });
const Ordered = z.object({ order: z.instanceof(ObjectId) });
const Expanded = z.object({ expanded: z.boolean() });

export const COLLECTIONS: { readonly [K in RowKind]: CopyCollection<K> } = {
  subscriptions: placed('subscriptions', {
    read: (document) => SubscriptionDocument.parse(document),
    write: (subscription) => subscription,
  }),
  sinks: {
    ...placed('sinks', {
      read: (document) => SinkDocument.parse(document),
      write: (sink) => sink,
    }),
    filter: { id: { $ne: TRACE.id } },
  },
  replays: placed('replays', { read: readReplay, write: writeReplay }),
  notifications: ordered('notifications', {
    read: (document) => ({ ...readNotification(document), ...Expanded.parse(document) }),
    write: ({ id, ...fields }) => ({ _id: id, ...fields }),
  }),
  deliveries: ordered('deliveries', {
    read: readDeliveryWithAttempts,
    // When it ended stands in `dueAt`, and an attempt's number follows from that of the last one.
    write: ({ id, finishedAt: _finishedAt, attempts, ...fields }) => ({
      _id: id,
      ...fields,
      attempts: attempts.map(({ number: _number, ...attempt }) => attempt),
      attemptsEver: attempts.at(-1)?.number ?? 0,
    }),
  }),
  audit: ordered('audit', {
    read: readAuditEntry,
    write: ({ id, organizationId, timestamp, ...entry }) => ({
      _id: id,
      organizationId,
      timestamp,
      entry,
    }),
  }),
  receipts: unordered(RECEIPTS, { read: readReceipt, write: toReceiptDocument }),
  held: unordered(HELD, { read: readHeldItem, write: toHeldDocument }),
};

/** Reads a document; see `readStoredRow`. */
export function readRow<K extends RowKind>(
  store: NamedRow['store'],
  kind: K,
  document: Document,
): StoredRow<K> {
  const { id, read } = COLLECTIONS[kind];
  const row = { store, kind, id: document[id] ?? document['_id'] };
  return readStoredRow(row, () => read(document));
}

/** How a value of the domain becomes a document and back; the place is put in by others. */
interface Translation<V> {
  read(document: unknown): V;
  write(value: V): Document;
}

function placed<K extends RowKind>(
  name: string,
  { read, write }: Translation<RowValues[K]>,
): CopyCollection<K> {
  return {
    name,
    id: 'id',
    placed: true,
    filter: {},
    read: (document) => ({
      place: Placed.parse(document)._id.toHexString(),
      value: read(document),
    }),
    write: ({ place, value }) => ({ _id: toObjectId(place), ...write(value) }),
  };
}

function ordered<K extends RowKind>(
  name: string,
  { read, write }: Translation<RowValues[K]>,
): CopyCollection<K> {
  return {
    name,
    id: '_id',
    placed: false,
    filter: {},
    read: (document) => ({
      place: Ordered.parse(document).order.toHexString(),
      value: read(document),
    }),
    write: ({ place, value }) => ({ ...write(value), order: toObjectId(place) }),
  };
}

function unordered<K extends RowKind>(
  name: string,
  { read, write }: Translation<RowValues[K]>,
): CopyCollection<K> {
  return {
    name,
    id: '_id',
    placed: false,
    filter: {},
    read: (document) => ({ place: null, value: read(document) }),
    write: ({ value }) => write(value),
  };
}

export function toObjectId(place: string | null): ObjectId {
  return ObjectId.createFromHexString(place ?? '');
}

function readReplay(document: unknown): StoredReplay {
  const { cursor, ...replay } = ReplayDocument.parse(document);
  if (cursor === null) return { ...replay, cursor };
  const [receivedAt, place] = searches.read(cursor, [0, '']);
  return { ...replay, cursor: { receivedAt, place } };
}

function writeReplay({ cursor, ...replay }: StoredReplay): Replay {
  return { ...replay, cursor: cursor && searches.write([cursor.receivedAt, cursor.place]) };
}
