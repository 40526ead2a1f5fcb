import { createDigest } from '../adapters/crypto/digest.ts';
import { openMongoSource } from '../adapters/mongo/copy-source.ts';
import { openMongoTarget } from '../adapters/mongo/copy-target.ts';
import type { MongoOptions } from '../adapters/mongo/database.ts';
import { openSqliteSource } from '../adapters/sqlite/copy-source.ts';
import { systemClock } from '../adapters/telemetry/clock.ts';
import { type KindCensus, takeCensus } from '../app/migration/census.ts';
import { givingClaimsBack } from '../app/migration/given-back.ts';
import { migrate, type MigrationProgress, type MigrationReport } from '../app/migration/migrate.ts';
import { readConfig } from '../config.ts';
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
export function runMigration(
  from: MigrationSource,
  to: MovedDatabase,
  watched: Watched,
): Promise<MigrationReport> {
  return withOpened(openSource(from), (source) =>
    withOpened(openMongoTarget(optionsOf(to)), (target) =>
      migrate({ ...watched, source, target, digest: createDigest(), clock: systemClock }),
    ),
  );
}

/** What there is to move. Rejects with a sentence. */
export function countRows(
  from: MigrationSource,
  { progress, signal }: Watched,
): Promise<readonly KindCensus[]> {
  return withOpened(openSource(from), (source) =>
    takeCensus(source, {
      digest: createDigest(),
      progress: (kind, rows) => progress('Reading', kind, rows, undefined),
      signal,
    }),
  );
}

async function withOpened<S extends StoreSource, T>(
  opening: Promise<S>,
  work: (store: S) => Promise<T>,
): Promise<T> {
  const store = await opening;
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function openSource(from: MigrationSource): Promise<StoreSource> {
  if ('dataDir' in from) return givingClaimsBack(openSqliteSource(from.dataDir));
  try {
    return givingClaimsBack(await openMongoSource(optionsOf(from)));
  } catch (error) {
    // What is said of a MongoDB names the variables of a service.
    if (!(error instanceof Error) || !error.message.includes('MONGODB_')) throw error;
    throw new Error(error.message.replaceAll(/\bMONGODB_/g, 'SOURCE_MONGODB_'), { cause: error });
  }
}

function optionsOf({ url, env }: MovedDatabase): MongoOptions {
  return { ...readConfig(env).mongodb, url, timeoutMs: TIMEOUT_MS, clock: systemClock };
}
