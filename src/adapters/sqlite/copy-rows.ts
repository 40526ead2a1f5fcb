import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { RowKind, RowValues, StoredReplay, StoredRow } from '../../ports/store-copy.ts';
import { readEntry } from './audit-trail.ts';
import { BooleanColumn } from './columns.ts';
import { type CopiedRow, type CopyTable, withNumbers } from './copy-pages.ts';
import { createCursors } from '../stores/cursor.ts';
import { DELIVERY } from './delivery-procedures.ts';
import { readDeliveries } from './delivery-rows.ts';
import { toHeldItem, toReceipt } from './inbox-rows.ts';
import { NOTIFICATION } from './notification-procedures.ts';
import { readNotification } from './notification-rows.ts';
import { ReplayRow } from './replay-rows.ts';
import { readInteger, readText } from './row.ts';
import { SinkRow } from './sink-rows.ts';
import { SubscriptionRow } from './subscription-rows.ts';

const BEHIND = 'WHERE seq > ? ORDER BY seq';

const NOTIFICATIONS = `
  SELECT ${NOTIFICATION}, expanded, seq AS key FROM notifications ${BEHIND}`;

const DELIVERIES = `
  SELECT ${DELIVERY}, notifications.id AS notification_id, deliveries.seq AS key
  FROM deliveries JOIN notifications ON notifications.seq = notification_seq
  WHERE deliveries.seq > ? ORDER BY deliveries.seq`;

const ATTEMPTS = `
  SELECT number, started_at, duration_ms, outcome, reason, status, answer
  FROM attempts WHERE delivery_seq = ? ORDER BY number`;

/** Where a search goes on; see `createWalk`. */
const searches = createCursors('notifications', z.tuple([z.int(), z.int()]).readonly());

/** The tables of `store.db`. */
export function storeTables(db: DatabaseSync) {
  const attempts = db.prepare(ATTEMPTS);
  attempts.setReadBigInts(true);

  return {
    subscriptions: whole('subscriptions', (row) => SubscriptionRow.parse(camelCase(row))),
    sinks: whole('sinks', (row) => SinkRow.parse(camelCase(row))),
    replays: whole('replays', (row) => readReplay(camelCase(row))),
    audit: whole('audit', ({ id, timestamp, entry }) => readEntry([id, timestamp, entry])),
    notifications: numbered(NOTIFICATIONS, (row) => ({
      ...readNotification(Object.values(row)),
      expanded: BooleanColumn.parse(row['expanded']),
    })),
    deliveries: numbered(DELIVERIES, (row) => {
      const tries = attempts
        .all(readInteger(row['key']))
        .map((attempt) => Object.values(withNumbers(attempt)));
      const [delivery] = readDeliveries(
        [[Object.values(row), tries]],
        readText(row['notification_id']),
      );
      if (delivery === undefined) throw new TypeError('a delivery was expected');
      return delivery;
    }),
  } satisfies { [K in RowKind]?: CopyTable<K> };
}

/** The tables of `inbox.db`: ids say the order. */
export const INBOX_TABLES = {
  receipts: {
    statement: 'SELECT *, id AS key FROM receipts WHERE id > ? ORDER BY id',
    start: '',
    read: (row) => ({ place: null, value: toReceipt(row) }),
  },
  held: {
    statement: 'SELECT *, id AS key FROM held WHERE id > ? ORDER BY id',
    start: '',
    read: (row) => ({ place: null, value: toHeldItem(row) }),
  },
} satisfies { [K in RowKind]?: CopyTable<K> };

function whole<K extends RowKind>(table: K, read: (row: CopiedRow) => RowValues[K]): CopyTable<K> {
  return numbered(`SELECT *, seq AS key FROM ${table} ${BEHIND}`, read);
}

function numbered<K extends RowKind>(
  statement: string,
  read: (row: CopiedRow) => RowValues[K],
): CopyTable<K> {
  const readRow = (row: CopiedRow): StoredRow<K> => ({
    place: placeOf(readInteger(row['key'])),
    value: read(row),
  });
  return { statement, start: 0, read: readRow };
}

function readReplay(row: unknown): StoredReplay {
  const { cursor, ...replay } = ReplayRow.parse(row);
  if (cursor === null) return { ...replay, cursor };
  const [receivedAt, seq] = searches.read(cursor, [0, 0]);
  return { ...replay, cursor: { receivedAt, place: placeOf(seq) } };
}

function placeOf(seq: number): string {
  return seq.toString(16).padStart(24, '0');
}

/** Names of columns as those of fields. */
function camelCase(row: CopiedRow): CopiedRow {
  const fields = Object.entries(row).map(([column, value]) => [
    column.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(fields);
}
