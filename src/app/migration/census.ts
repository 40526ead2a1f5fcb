import type { Digest } from '../../ports/digest.ts';
import {
  ROW_KINDS,
  type RowKind,
  type StoredRow,
  type StoreSource,
} from '../../ports/store-copy.ts';
import { canonical } from './canonical.ts';

/** How many rows of a kind there are, and what they are. */
export interface KindCensus {
  readonly kind: RowKind;
  readonly rows: number;
  /** Of all its rows, whatever their order; 64 hex digits. */
  readonly digest: string;
}

/** Told after each page. */
export type CensusProgress = (kind: RowKind, rows: number) => void;

const MODULUS = 2n ** 256n;

/** Reads a store from end to end. */
export async function takeCensus(
  store: StoreSource,
  { digest, progress, signal }: { digest: Digest; progress: CensusProgress; signal: AbortSignal },
): Promise<readonly KindCensus[]> {
  const census: KindCensus[] = [];
  for (const kind of ROW_KINDS) {
    let [rows, sum] = [0, 0n];
    for await (const page of pagesOf(store, kind, signal)) {
      // Added up, not combined by XOR: two equal rows must not make none.
      for (const row of page) sum += BigInt(`0x${digest.sha256(textOf(row))}`);
      rows += page.length;
      progress(kind, rows);
    }
    census.push({ kind, rows, digest: (sum % MODULUS).toString(16).padStart(64, '0') });
  }
  return census;
}

/** What two equal rows have in common: what they say, and their place in the order. */
export function textOf({ place, value }: StoredRow): string {
  return canonical([place, value]);
}

/** All rows of a kind, page by page. */
export async function* pagesOf<K extends RowKind>(
  store: StoreSource,
  kind: K,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredRow<K>[]> {
  for (let after: string | null | undefined; after !== null;) {
    signal.throwIfAborted();
    const { rows, next } = await store.page(kind, after);
    yield rows;
    after = next;
  }
}
