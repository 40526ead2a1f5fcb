import { z } from 'zod';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { Clock } from '../../ports/clock.ts';
import { createCursors } from '../stores/cursor.ts';
import { startPageTime } from '../stores/page-time.ts';
import type { Columns } from './row.ts';
import type { Place, WalkStep } from './walk-procedure.ts';

const PlaceColumns = z.tuple([z.int(), z.int()]).readonly();

const WalkReply = z.object({
  rows: z.array(z.tuple([z.int(), z.int(), z.array(z.unknown())])),
  stoppedAt: PlaceColumns.nullable(),
});

const LATEST = Number.MAX_SAFE_INTEGER;
// A call takes a few milliseconds; between two of them the thread answers others.
const LOOK_AT = 2000;
// Then the page ends as it is, and its cursor goes on from there.
const MAX_CALLS = 100;

/** Reads pages of a list that is walked, the latest first; of one millisecond, the last inserted. */
export function createWalk<T>(list: string, clock: Clock, read: (columns: Columns) => T) {
  const cursors = createCursors(list, PlaceColumns);

  /** `before` is a time: what is not older is not even looked at. */
  return async function page(
    { limit, cursor }: PageRequest,
    before: number | undefined,
    ask: (step: WalkStep) => Promise<unknown>,
  ): Promise<Page<T>> {
    const found: { place: Place; item: T }[] = [];
    let after: Place | null = startOf(cursors.read(cursor, [LATEST, LATEST]), before);
    const isTimeUp = startPageTime(clock);

    for (let calls = 0; after !== null && found.length <= limit && calls < MAX_CALLS; calls += 1) {
      const wanted = limit + 1 - found.length;
      const reply = WalkReply.parse(await ask({ after, limit: wanted, lookAt: LOOK_AT }));
      for (const [at, seq, columns] of reply.rows) {
        found.push({ place: [at, seq], item: read(columns) });
      }
      after = reply.stoppedAt;
      if (isTimeUp()) break;
    }

    const kept = found.slice(0, limit);
    const last = found.length > limit ? kept.at(-1) : undefined;
    const end = last?.place ?? after;
    return { data: kept.map(({ item }) => item), nextCursor: end && cursors.write(end) };
  };
}

function startOf(after: Place, before = LATEST): Place {
  return before <= after[0] ? [before, 0] : after;
}

/** Only the fields that are given: a statement binds no others. */
export function given<T extends Readonly<Record<string, string | undefined>>>(
  fields: T,
): Partial<Record<keyof T, string>> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<Record<keyof T, string>>;
}
