import { createDigest } from '../adapters/crypto/digest.ts';
import { openMongoSource } from '../adapters/mongo/copy-source.ts';
import { openMongoTarget } from '../adapters/mongo/copy-target.ts';
import { openSqliteSource } from '../adapters/sqlite/copy-source.ts';
import { systemClock } from '../adapters/telemetry/clock.ts';
import { type KindCensus, takeCensus } from '../app/migration/census.ts';
import { givingClaimsBack } from '../app/migration/given-back.ts';
import { migrate, type MigrationProgress, type MigrationReport } from '../app/migration/migrate.ts';
import { type Config, readConfig } from '../config.ts';
import type { Secret } from '../domain/secret.ts';
import type { StoreSource } from '../ports/store-copy.ts';

/** A MongoDB, and the variables that say how it is reached, as the service reads them. */
export interface MovedDatabase {
  readonly url: Secret;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where rows are: a data folder, or a database. */
export type MigrationSource = { readonly dataDir: string } | MovedDatabase;

interface Watched {
  readonly progress: MigrationProgress;
  readonly signal: AbortSignal;
}

// A page is thousands of times what a service writes at once.
const TIMEOUT_MS = 60_000;

/** Moves all rows of one store into another; see `migrate`. Rejects with a sentence. */
export async function runMigration(
  from: MigrationSource,
  to: MovedDatabase,
  watched: Watched,
): Promise<MigrationReport> {
  await using opened = new AsyncDisposableStack();
  const source = await openSource(from);
  opened.defer(() => source.close());
  const target = await openMongoTarget(optionsOf(to));
  opened.defer(() => target.close());
  return await migrate({ ...watched, source, target, digest: createDigest(), clock: systemClock });
}

/** What there is to move. Rejects with a sentence. */
export async function countRows(
  from: MigrationSource,
  { progress, signal }: Watched,
): Promise<readonly KindCensus[]> {
  await using opened = new AsyncDisposableStack();
  const source = await openSource(from);
  opened.defer(() => source.close());
  return await takeCensus(source, {
    digest: createDigest(),
    progress: (kind, rows) => progress('Reading', kind, rows, undefined),
    signal,
  });
}

async function openSource(from: MigrationSource): Promise<StoreSource> {
  return givingClaimsBack(
    'dataDir' in from ? openSqliteSource(from.dataDir) : await openMongoSource(optionsOf(from)),
  );
}

function optionsOf({ url, env }: MovedDatabase): Config['mongodb'] & {
  url: Secret;
  timeoutMs: number;
  clock: typeof systemClock;
} {
  return { ...readConfig(env).mongodb, url, timeoutMs: TIMEOUT_MS, clock: systemClock };
}
