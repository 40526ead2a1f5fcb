import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

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
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = new DatabaseSync(join(path, 'lock.db'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (!isBusy(cause)) throw new Error(`${path}/lock.db is damaged: remove it`, { cause });
    throw new Error(
      `The data folder ${path} is in use by another Sallyport: stop that one, or set DATA_DIR to another folder`,
      { cause },
    );
  }
  return { path, release: () => lock.close() };
}

// SQLITE_BUSY (https://sqlite.org/rescode.html). Not by class: tests run in a realm of their own.
function isBusy(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === 5;
}
