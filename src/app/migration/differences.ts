import type { RowKind, StoreSource, StoreTarget } from '../../ports/store-copy.ts';
import { pagesOf, textOf } from './census.ts';

/** A row of the source that is not in the target as it is. */
export interface RowDifference {
  readonly kind: RowKind;
  readonly id: string;
  readonly is: 'missing' | 'different';
}

const NAMED = 10;

/**
 * Names the first few rows of a kind that the target has not, or has otherwise. What it has besides
 * shows in its count alone.
 */
export async function findDifferences(
  kind: RowKind,
  { source, target, signal }: { source: StoreSource; target: StoreTarget; signal: AbortSignal },
): Promise<readonly RowDifference[]> {
  const found: RowDifference[] = [];
  for await (const rows of pagesOf(source, kind, signal)) {
    const ids = rows.map(({ value }) => value.id);
    const there = await target.find(kind, ids);
    const texts = new Map(there.map((row) => [row.value.id, textOf(row)]));
    for (const row of rows) {
      const { id } = row.value;
      const text = texts.get(id);
      if (text !== textOf(row)) found.push({ kind, id, is: text ? 'different' : 'missing' });
    }
    if (found.length >= NAMED) break;
  }
  return found.slice(0, NAMED);
}
