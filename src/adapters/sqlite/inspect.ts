import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';

// SQLITE_CORRUPT and SQLITE_NOTADB (https://sqlite.org/rescode.html).
const DAMAGED = new Set([11, 26]);
// SQLITE_PERM, SQLITE_READONLY, SQLITE_IOERR and SQLITE_CANTOPEN, and what the system says itself.
const CLOSED = new Set([3, 8, 10, 14]);
const FORBIDDEN: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS']);
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
    if (!types.isNativeError(error) || !DAMAGED.has(codeOf(error))) throw error;
    throw new DamagedFileError(file, error.message, error);
  }
}

/**
 * Runs steps with a file, and says of which it is that they fail, and what to do, when this user may not
 * read or write it or its folder.
 */
export function namingFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!types.isNativeError(cause) || !isClosed(cause)) throw cause;
    throw new Error(
      `${file} cannot be used (${cause.message}): let the user that runs this read and write in ` +
        'its folder, or take a copy of that',
      { cause },
    );
  }
}

function isClosed(error: Error): boolean {
  return CLOSED.has(codeOf(error)) || ('code' in error && FORBIDDEN.has(error.code));
}

/** SQLite's code for what went wrong, without its extension; 0 when it is none of SQLite's errors. */
export function codeOf(error: unknown): number {
  // Not by class: tests run in a realm of their own.
  return types.isNativeError(error) && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
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
