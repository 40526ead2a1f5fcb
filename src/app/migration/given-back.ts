import type { RowKind, RowPage, StoredRow, StoreSource } from '../../ports/store-copy.ts';

/**
 * The source as it is once its service is gone: a delivery that somebody had claimed is due again, at
 * the end of the lease, its generation raised, so that whoever held it has lost it. That stands in no
 * clock, so that it is the same whenever it is read.
 */
export function givingClaimsBack(source: StoreSource): StoreSource {
  return {
    async page<K extends RowKind>(kind: K, after?: string): Promise<RowPage<K>> {
      const page = await source.page(kind, after);
      return { ...page, rows: page.rows.map(givenBack) };
    },
    hasMark: (mark) => source.hasMark(mark),
    close: () => source.close(),
  };
}

function givenBack<K extends RowKind>(row: StoredRow<K>): StoredRow<K> {
  const { value } = row;
  if (!('state' in value) || value.state !== 'claimed') return row;
  return { ...row, value: { ...value, state: 'due', generation: value.generation + 1 } };
}
