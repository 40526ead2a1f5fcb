import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

// SQLITE_CORRUPT and SQLITE_NOTADB (https://sqlite.org/rescode.html).
const DAMAGED = new Set([11, 26]);
// Some 0.2 s where the file is cached; beyond, it would hold up every start.
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

/** A file that is no whole database of ours. Its message says which and what to do. */
export class DamagedFileError extends Error {
  constructor(file: string, why: string, cause?: unknown) {
    const advice = 'restore a backup: npx sallyport restore <backup> --data-dir <folder>';
    super(`${file} is damaged (${why}); ${advice}`, cause === undefined ? undefined : { cause });
    this.name = 'DamagedFileError';
  }
}

/** The schema of a database file that nobody writes to; throws `DamagedFileError`. */
export function inspectDatabase(file: string): { schemaVersion: number; readableFrom: number } {
  return withFrozen(file, (db) => {
    const meta = (key: string) =>
      Number(db.prepare('SELECT value FROM meta WHERE key = ?').get(key)?.['value'] ?? 0);
    return { schemaVersion: meta('schemaVersion'), readableFrom: meta('readableFrom') };
  });
}

/** Reads all of a file that nobody writes to; throws `DamagedFileError`. */
export function checkIntegrity(file: string): void {
  withFrozen(file, (db) => requireOk(db, file, 'PRAGMA integrity_check(1)'));
}

/**
 * Runs the first steps with a file, and says of which it is that they fail when it is torn, altered or
 * of another kind: SQLite itself does not name it.
 */
export function namingDamage<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
    if (!(error instanceof Error) || !DAMAGED.has(Number(code) & 0xff)) throw error;
    throw new DamagedFileError(file, error.message, error);
  }
}

/**
 * Looks at every page of a database that is being opened, unless there are too many of them; a file
 * that was cut SQLite notices by its header, whatever its size. Throws `DamagedFileError`.
 */
export function checkStructure(db: DatabaseSync, file: string): void {
  if (statSync(file).size <= MAX_CHECKED_BYTES) requireOk(db, file, 'PRAGMA quick_check(1)');
}

function requireOk(db: DatabaseSync, file: string, pragma: string): void {
  const [found = ''] = Object.values(db.prepare(pragma).get() ?? {});
  if (found === 'ok') return;
  throw new DamagedFileError(file, String(found).replaceAll(/\s+/g, ' '));
}

/** Immutable: without a lock, a log or any file beside it, which a backup must not get. */
function withFrozen<T>(file: string, work: (db: DatabaseSync) => T): T {
  return namingDamage(file, () => {
    const url = pathToFileURL(file);
    url.searchParams.set('immutable', '1');
    const db = new DatabaseSync(url, { readOnly: true });
    try {
      return work(db);
    } finally {
      db.close();
    }
  });
}
