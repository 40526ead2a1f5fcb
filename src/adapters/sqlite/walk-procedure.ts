import type { Database, Row } from './thread.ts';

/** A time and a `seq`: where a row stands in a list of which the latest come first. */
export type Place = readonly [at: number, seq: number];

/** How a walk goes on: behind which place, how many rows are wanted, how many looked at for that. */
export interface WalkStep {
  readonly after: Place;
  readonly limit: number;
  readonly lookAt: number;
}

export type Parameters = Readonly<Record<string, string | number>>;

/**
 * Walks rows of which a statement gives `at`, `seq` and whether it `matches`, and gives those that
 * do with their places. Looks at no more than `lookAt`: a filter that hardly anything matches must
 * not keep the thread from those who wait for a look-up.
 */
export function walk(
  db: Database,
  { after, limit, lookAt }: WalkStep,
  list: { statement: string; parameters: Parameters; read: string },
) {
  const found: [at: number, seq: number, row: Row | undefined][] = [];
  let seen = 0;
  const parameters = { ...list.parameters, at: after[0], seq: after[1] };
  for (const row of db.prepare(list.statement).iterate(parameters)) {
    const stoppedAt: Place = [Number(row['at']), Number(row['seq'])];
    seen += 1;
    if (row['matches'] === 1) {
      found.push([...stoppedAt, db.prepareRows(list.read).get(stoppedAt[1])]);
    }
    if (found.length >= limit || seen >= lookAt) return { rows: found, stoppedAt };
  }
  return { rows: found, stoppedAt: null };
}

/** The conditions of the fields that are given, all of which have to hold. */
export function conditionsOf<K extends string>(
  conditions: Readonly<Record<K, string>>,
  given: Readonly<Partial<Record<K, string>>>,
): string[] {
  return Object.entries<string>(conditions)
    .filter(([field]) => Object.hasOwn(given, field))
    .map(([, condition]) => condition);
}
