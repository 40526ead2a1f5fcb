import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import {
  ROW_KINDS,
  type MoveRecord,
  type RowKind,
  type StoreSource,
  type StoreTarget,
} from '../../ports/store-copy.ts';
import { type KindCensus, takeCensus } from './census.ts';
import { findDifferences, type RowDifference } from './differences.ts';

/** One kind, in the source and in the target. */
export interface MovedKind extends KindCensus {
  readonly rowsInTarget: number;
  readonly digestInTarget: string;
  readonly equal: boolean;
}

export interface MigrationReport {
  readonly equal: boolean;
  readonly kinds: readonly MovedKind[];
  /** The first few of each kind that is not equal. */
  readonly differences: readonly RowDifference[];
  /** Whether an earlier run had begun it. */
  readonly resumed: boolean;
  /** When everything was found equal for the first time, epoch ms; `null` when it never was. */
  readonly finishedAt: number | null;
}

export type MigrationStep = 'Reading' | 'Moving' | 'Checking';

/** Told after each page: how many rows of a kind are done, of how many where that is known. */
export type MigrationProgress = (
  step: MigrationStep,
  kind: RowKind,
  rows: number,
  of: number | undefined,
) => void;

export interface MigrationDeps {
  readonly source: StoreSource;
  readonly target: StoreTarget;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly progress: MigrationProgress;
  /** Ends it between two pages; the next run goes on there. */
  readonly signal: AbortSignal;
}

/** Why nothing can be moved. Its message is a sentence that says what to do. */
export class MigrationError extends Error {}

/**
 * Moves every row of the source into the target, and then compares the two. May be killed at any
 * point and run again: it goes on where it was, and when it is done already it only compares.
 *
 * What the source holds tells one migration from another: a target that holds something else, or
 * part of what the source was before it changed, is refused with a `MigrationError`. So is one that is
 * the source, before anything is noted in it.
 *
 * Of several runs at once the one that began last goes on. Any other rejects with a `MigrationError`
 * before its next page: the target may be a service's by then, which has removed what it was done with.
 */
export async function migrate(deps: MigrationDeps): Promise<MigrationReport> {
  const { source, target, clock } = deps;
  if (await target.isReadBy(source)) {
    throw new MigrationError(
      'Source and target are the same database, if by two names: take an empty one as the target',
    );
  }
  const before = await census(deps, 'Reading', source);
  const { record: begun, resumed } = await begin(deps, before);
  let record = begun;
  for (const { kind, rows } of before) record = await moveKind(deps, record, { kind, rows });

  const rowsOf = new Map(before.map(({ kind, rows }) => [kind, rows]));
  const after = await census(deps, 'Checking', source, rowsOf);
  if (sourceIdOf(deps, after) !== record.source) {
    await requireCurrent(target, record);
    throw new MigrationError(
      'The source has changed meanwhile: stop every service that works in it, drop the target database and run this again',
    );
  }
  const kinds = compare(after, await census(deps, 'Checking', target, rowsOf));
  const equal = kinds.every((kind) => kind.equal);
  if (equal && record.finishedAt === null) {
    record = { ...record, finishedAt: clock.now() };
    await write(target, record, record.run);
  }
  const differences: RowDifference[] = [];
  for (const { kind } of kinds.filter((one) => !one.equal)) {
    differences.push(...(await findDifferences(kind, deps)));
  }
  // Only now: whoever is told of differences is told to drop the target.
  await requireCurrent(target, record);
  return { equal, kinds, differences, resumed, finishedAt: record.finishedAt };
}

async function begin(
  deps: MigrationDeps,
  before: readonly KindCensus[],
): Promise<{ record: MoveRecord; resumed: boolean }> {
  const { target, clock, digest } = deps;
  const source = sourceIdOf(deps, before);
  const run = digest.randomId();
  const found = await target.findRecord();
  if (found !== undefined) {
    if (found.source === source) {
      return { record: await takeOver(target, found, run), resumed: true };
    }
    throw new MigrationError(
      'The target is that of another source, or of this one before it changed: take a new database, ' +
        'or drop this one where nothing in it is to be kept',
    );
  }
  for (const kind of ROW_KINDS) {
    const { rows } = await target.page(kind);
    if (rows.length === 0) continue;
    throw new MigrationError(
      `The target holds ${kind} already, and not of a migration: take an empty database`,
    );
  }
  const record = { source, run, startedAt: clock.now(), finishedAt: null, reached: {} };
  await write(target, record, undefined);
  return { record, resumed: false };
}

/** At once, for nothing tells a run that was killed from one that is slow. */
async function takeOver(target: StoreTarget, found: MoveRecord, run: string): Promise<MoveRecord> {
  if (found.finishedAt !== null) return found; // there is nothing left but to compare
  const record = { ...found, run };
  await write(target, record, found.run);
  return record;
}

async function write(
  target: StoreTarget,
  record: MoveRecord,
  over: string | undefined,
): Promise<void> {
  if (!(await target.writeRecord(record, over))) throw overtaken();
}

async function requireCurrent(target: StoreTarget, record: MoveRecord): Promise<void> {
  const found = await target.findRecord();
  const isCurrent = found?.run === record.run && found.finishedAt === record.finishedAt;
  if (!isCurrent) throw overtaken();
}

function overtaken(): MigrationError {
  return new MigrationError(
    'Another migrate has taken this over, or the target was dropped: this one ends here, and what the ' +
      'other one says counts',
  );
}

/** The record is written after the rows: a page that was cut off is inserted again, where missing. */
async function moveKind(
  { source, target, progress, signal }: MigrationDeps,
  begun: MoveRecord,
  { kind, rows }: { kind: RowKind; rows: number },
): Promise<MoveRecord> {
  let record = begun;
  let moved = 0;
  while (record.reached[kind] !== null) {
    signal.throwIfAborted();
    const page = await source.page(kind, record.reached[kind]);
    await requireCurrent(target, record); // as late as can be: reading a page may have taken long
    await target.insert(kind, page.rows);
    record = { ...record, reached: { ...record.reached, [kind]: page.next } };
    await write(target, record, record.run);
    moved += page.rows.length;
    progress('Moving', kind, moved, rows);
  }
  return record;
}

function census(
  { digest, progress, signal }: MigrationDeps,
  step: MigrationStep,
  store: StoreSource,
  rowsOf?: ReadonlyMap<RowKind, number>,
): Promise<readonly KindCensus[]> {
  const told = (kind: RowKind, rows: number) => progress(step, kind, rows, rowsOf?.get(kind));
  return takeCensus(store, { digest, progress: told, signal });
}

function sourceIdOf({ digest }: MigrationDeps, found: readonly KindCensus[]): string {
  return digest.sha256(JSON.stringify(found.map(({ kind, rows, digest: of }) => [kind, rows, of])));
}

function compare(
  source: readonly KindCensus[],
  target: readonly KindCensus[],
): readonly MovedKind[] {
  return source.map((kind, index) => {
    const { rows: rowsInTarget = 0, digest: digestInTarget = '' } = target[index] ?? {};
    const equal = rowsInTarget === kind.rows && digestInTarget === kind.digest;
    return { ...kind, rowsInTarget, digestInTarget, equal };
  });
}
