import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { RowKind, RowPage, StoreSource } from '../../ports/store-copy.ts';
import { type CopyTable, readPage } from './copy-pages.ts';
import { INBOX_TABLES, storeTables } from './copy-rows.ts';
import { lockToRead } from './data-folder.ts';
import { INBOX_MIGRATIONS } from './inbox-schema.ts';
import { namingDamage, namingFile } from './inspect.ts';
import { STORE_MIGRATIONS } from './store-schema.ts';

/**
 * Opens a data folder to be read as a whole, and holds its lock, where it has one, until it is closed.
 * Nothing in it is changed, and nothing comes into being, but for SQLite's index of a log (`-shm`) where
 * there is a log. Throws a sentence when a service works in it, when it is none, when it cannot be read,
 * and when it is of another version.
 */
export function openSqliteSource(dataDir: string): StoreSource {
  const [storeFile, inboxFile] = [join(dataDir, 'store.db'), join(dataDir, 'inbox.db')];
  for (const file of [storeFile, inboxFile]) requireFile(file);
  const opened = new DisposableStack();
  try {
    const folder = lockToRead(dataDir);
    opened.defer(() => folder.release());
    const store = openToRead(storeFile, STORE_MIGRATIONS.length);
    opened.defer(() => store.close());
    const inbox = openToRead(inboxFile, INBOX_MIGRATIONS.length);
    opened.defer(() => inbox.close());
    const tables: { [K in RowKind]: CopyTable<K> } = { ...storeTables(store), ...INBOX_TABLES };
    return {
      async page<K extends RowKind>(kind: K, after?: string): Promise<RowPage<K>> {
        const [file, db] = kind in INBOX_TABLES ? [inboxFile, inbox] : [storeFile, store];
        return naming(file, () => readPage(db, { kind, table: tables[kind], after }));
      },
      hasMark: async () => false, // nobody moves anything into a folder
      close: async () => opened.dispose(),
    };
  } catch (error) {
    opened.dispose();
    throw error;
  }
}

function requireFile(file: string): void {
  if (namingFile(file, () => statSync(file, { throwIfNoEntry: false }))?.isFile() === true) return;
  throw new Error(`There is no ${file}: is this the DATA_DIR of a service?`);
}

function openToRead(file: string, known: number): DatabaseSync {
  return naming(file, () => {
    const db = new DatabaseSync(whereOf(file), { readOnly: true });
    const version = readVersion(db);
    if (version === known) return db;
    db.close();
    throw new Error(
      `${file} has schema ${version}, and this Sallyport moves ${known} only: ` +
        (version > known ? 'take the version that wrote it' : 'start this version on it once'),
    );
  });
}

/** SQLite itself does not say which file it is about. */
function naming<T>(file: string, work: () => T): T {
  return namingFile(file, () => namingDamage(file, work));
}

function readVersion(db: DatabaseSync): number {
  try {
    const row = db.prepare(`SELECT value FROM meta WHERE key = 'schemaVersion'`).get();
    return Number(row?.['value']);
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Without a log the file is all there is, and read as immutable: nothing comes into being beside it.
 * With one, which a service that was killed leaves, SQLite needs its index of the log.
 */
function whereOf(file: string): string | URL {
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) return file;
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  return url;
}
