import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { Clock } from '../../ports/clock.ts';
import { createCursors } from '../stores/cursor.ts';
import { startPageTime } from '../stores/page-time.ts';

/** A time and an `order`, as hex: where a document stands in a list of which the latest come first. */
export type Place = readonly [at: number, order: string];

/** What one look at a part of a list gave. */
export interface Look<T> {
  readonly found: readonly { readonly place: Place; readonly item: T }[];
  /** The last place that was looked at; `null` at the end of the list. */
  readonly stoppedAt: Place | null;
}

/**
 * How many documents a look is at when a filter leaves some out: one that hardly anything matches
 * must not read millions in one query.
 */
export const LOOK_AT = 2000;

// Then the page ends as it is, and its cursor goes on from there.
const MAX_LOOKS = 100;

const Cursor = z.tuple([z.int(), z.string().regex(/^[\da-f]{24}$/)]).readonly();

const FIRST = '0'.repeat(24);
const LATEST: Place = [Number.MAX_SAFE_INTEGER, 'f'.repeat(24)];

/** Reads pages of a list that is walked, the latest first; of one millisecond, the last inserted. */
export function createWalk(list: string, clock: Clock) {
  const cursors = createCursors(list, Cursor);

  /** `before` is a time: what is not older is not even looked at. */
  return async function page<T>(
    { limit, cursor }: PageRequest,
    before: number | undefined,
    look: (after: Place, wanted: number) => Promise<Look<T>>,
  ): Promise<Page<T>> {
    const found: Look<T>['found'][number][] = [];
    let after: Place | null = startOf(cursors.read(cursor, LATEST), before);
    const isTimeUp = startPageTime(clock);

    for (let looks = 0; after !== null && found.length <= limit && looks < MAX_LOOKS; looks += 1) {
      const { found: more, stoppedAt }: Look<T> = await look(after, limit + 1 - found.length);
      found.push(...more);
      after = stoppedAt;
      if (isTimeUp()) break;
    }

    const kept = found.slice(0, limit);
    const last = found.length > limit ? kept.at(-1) : undefined;
    const end = last?.place ?? after;
    return { data: kept.map(({ item }) => item), nextCursor: end && cursors.write(end) };
  };
}

function startOf(after: Place, before: number = LATEST[0]): Place {
  return before <= after[0] ? [before, FIRST] : after;
}

/** Finds what stands behind a place, down to a time. */
export function behind(field: string, [at, hex]: Place, from: number) {
  const order = { $lt: ObjectId.createFromHexString(hex) };
  return {
    [field]: { $gte: from, $lte: at },
    $or: [{ [field]: { $lt: at } }, { [field]: at, order }],
  };
}

/** The sort of a list by a time. */
export function latestFirst(field: string) {
  return { [field]: -1, order: -1 } as const;
}
