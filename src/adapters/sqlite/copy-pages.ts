import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { RowKind, RowPage, StoredRow } from '../../ports/store-copy.ts';
import { readStoredRow } from '../stores/stored-row.ts';

export type CopiedRow = Readonly<Record<string, SQLOutputValue>>;

/** How the rows of a kind are read. */
export interface CopyTable<K extends RowKind> {
  /** Every row behind a key, in the order of keys, its key as `key`. */
  readonly statement: string;
  /** Before all keys. */
  readonly start: SQLInputValue;
  read(row: CopiedRow): StoredRow<K>;
}

const PAGE_ROWS = 500;
const PAGE_BYTES = 8 * 1024 * 1024;

/** Reads one page; what is large is counted, so that a page of it is short. */
export function readPage<K extends RowKind>(
  db: DatabaseSync,
  { kind, table, after }: { kind: K; table: CopyTable<K>; after: string | undefined },
): RowPage<K> {
  const { start, read } = table;
  const statement = db.prepare(table.statement);
  statement.setReadBigInts(true); // see `withNumbers`
  const rows: StoredRow<K>[] = [];
  let bytes = 0;
  for (const found of statement.iterate(keyOf(start, after))) {
    const row = withNumbers(found);
    const id = row['id'] ?? row['key'];
    const stored = readStoredRow({ store: 'source', kind, id }, () => read(row));
    rows.push(stored);
    bytes += sizeOf(stored); // not of `row`: a delivery's tries, up to 100 with their answers, stand elsewhere
    if (rows.length === PAGE_ROWS || bytes >= PAGE_BYTES) return { rows, next: String(row['key']) };
  }
  return { rows, next: null };
}

function keyOf(start: SQLInputValue, after: string | undefined): SQLInputValue {
  if (after === undefined) return start;
  return typeof start === 'number' ? Number(after) : after;
}

/**
 * Of a row with integers as `bigint`, without which SQLite would throw at one that is too large and not
 * say in which row. Such a one stays as it is, and is refused by whoever reads it.
 */
export function withNumbers(row: CopiedRow): CopiedRow {
  const columns = Object.entries(row).map(([column, value]) => {
    const isSmall = typeof value === 'bigint' && Number.isSafeInteger(Number(value));
    return [column, isSmall ? Number(value) : value] as const;
  });
  return Object.fromEntries(columns);
}

// Of a number, a truth or the like.
const SMALL_BYTES = 8;

/** About what a value takes, with all that is in it. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return SMALL_BYTES;
  return Object.values(value).reduce((size: number, field) => size + sizeOf(field), 0);
}
