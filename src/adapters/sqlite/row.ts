// What a thread sends is checked by hand, not by a schema, where every delivery comes by.

/** Columns by their place. */
export type Columns = readonly unknown[];

/** One row; throws when it is none. */
export function readColumns(row: unknown): Columns {
  if (!Array.isArray(row)) throw new TypeError('a row was expected');
  return row;
}

export function readRows(rows: unknown): readonly Columns[] {
  return readColumns(rows).map(readColumns);
}

export function readText(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a column of text was expected');
  return value;
}

export function readInteger(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new TypeError('an integer column was expected');
  return Number(value);
}

/** Reads a column that may be empty. */
export function readNullable<T>(read: (value: unknown) => T, value: unknown): T | null {
  return value === null ? null : read(value);
}

/** Reads a column that holds one of a few words. */
export function readWord<W extends string>(words: readonly W[], value: unknown): W {
  const word = words.find((each) => each === value);
  if (word === undefined) throw new TypeError(`a column of ${words.join(', ')} was expected`);
  return word;
}

/** Reads a JSON list of texts. */
export function readTexts(value: unknown): string[] {
  const texts: unknown = JSON.parse(readText(value));
  if (!Array.isArray(texts)) throw new TypeError('a list was expected');
  return texts.map(readText);
}
