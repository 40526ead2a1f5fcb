import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { RowKind, RowPage, StoredRow } from '../../ports/store-copy.ts';

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
  { statement, start, read }: CopyTable<K>,
  after: string | undefined,
): RowPage<K> {
  const rows: StoredRow<K>[] = [];
  let bytes = 0;
  for (const row of db.prepare(statement).iterate(keyOf(start, after))) {
    rows.push(read(row));
    bytes += textLengthOf(row);
    if (rows.length === PAGE_ROWS || bytes >= PAGE_BYTES) return { rows, next: String(row['key']) };
  }
  return { rows, next: null };
}

function keyOf(start: SQLInputValue, after: string | undefined): SQLInputValue {
  if (after === undefined) return start;
  return typeof start === 'number' ? Number(after) : after;
}

function textLengthOf(row: CopiedRow): number {
  let length = 0;
  for (const value of Object.values(row)) if (typeof value === 'string') length += value.length;
  return length;
}
