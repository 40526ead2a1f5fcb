import { closeSync, existsSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { codeOf, namingFile } from './inspect.ts';
import { makeFolder } from './make-folder.ts';

/** A data folder that is this process's alone until it is released. */
export interface DataFolder {
  readonly path: string;
  release(): void;
}

/**
 * Makes the data folder (mode 0700) and locks it by an exclusive transaction on `lock.db`, which
 * the system ends with the process, however it ends. Throws when another process holds it.
 */
export function lockDataFolder(dataDir: string): DataFolder {
  const path = resolve(dataDir);
  makeFolder(path);
  const folder = lock(path);
  try {
    // On a file that may only be read the exclusive transaction of SQLite is a shared one. Open as long
    // as the lock is held: to close a file ends every lock that the process has on it.
    const file = namingFile(lockOf(path), () => openSync(lockOf(path), 'r+'));
    const release = () => {
      folder.release();
      closeSync(file);
    };
    return { path, release };
  } catch (error) {
    folder.release();
    throw error;
  }
}

/**
 * Locks a folder that is there and only read; nothing comes into being in it. On one without `lock.db`,
 * as a backup is, no service was ever started, and there is none to keep away. A lock that may only be
 * read is shared, which keeps a service away as well.
 */
export function lockToRead(dataDir: string): DataFolder {
  const path = resolve(dataDir);
  return existsSync(lockOf(path)) ? lock(path) : { path, release: () => undefined };
}

function lock(path: string): DataFolder {
  return namingFile(lockOf(path), () => {
    const db = new DatabaseSync(lockOf(path), { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
      return { path, release: () => db.close() };
    } catch (cause) {
      db.close();
      throw describe(path, cause);
    }
  });
}

function lockOf(path: string): string {
  return join(path, 'lock.db');
}

// SQLITE_BUSY, SQLITE_CORRUPT and SQLITE_NOTADB (https://sqlite.org/rescode.html).
function describe(path: string, cause: unknown): unknown {
  switch (codeOf(cause)) {
    case 5:
      return new Error(
        `The data folder ${path} is in use by another Sallyport: stop that one, or set DATA_DIR to another folder`,
        { cause },
      );
    case 11:
    case 26:
      return new Error(`${lockOf(path)} is damaged: remove it`, { cause });
    default:
      return cause;
  }
}
