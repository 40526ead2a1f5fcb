import { z } from 'zod';
import { ValidationError } from '../../domain/errors.ts';
import type { Page } from '../../domain/page.ts';

/** Reads and writes the cursors of one list: its name, and the place of a row in its order. */
export interface Cursors<P extends readonly (number | string)[]> {
  write(place: P): string;
  /** The place after which a page begins; throws `ValidationError` for another list's or made up. */
  read(cursor: string | undefined, start: P): P;
}

export function createCursors<P extends readonly (number | string)[]>(
  list: string,
  schema: z.ZodType<P>,
): Cursors<P> {
  const Text = z
    .base64url()
    .transform((text): unknown => parseJson(Buffer.from(text, 'base64url').toString()))
    .pipe(z.tuple([z.literal(list), schema]));

  function write(place: P): string {
    return Buffer.from(JSON.stringify([list, place])).toString('base64url');
  }

  return {
    write,

    read(cursor, start) {
      if (cursor === undefined) return start;
      const { success, data } = Text.safeParse(cursor);
      if (!success || write(data[1]) !== cursor) {
        throw new ValidationError([{ path: 'cursor', message: 'is not a cursor of this list' }]);
      }
      return data[1];
    },
  };
}

/** Makes a page of rows of which one more than `limit` was asked for. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  { item, cursor }: { item: (row: R) => T; cursor: (row: R) => string },
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = rows.length > limit ? kept.at(-1) : undefined;
  return { data: kept.map(item), nextCursor: last === undefined ? null : cursor(last) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no tuple, so refused like everything else that is not ours
  }
}
