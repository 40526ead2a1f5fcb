import type { DatabaseSync } from 'node:sqlite';

/** One step of a file's schema; steps are only ever added. */
export interface Migration {
  readonly sql: string;
  /** The oldest program version that can work with the file after this step. */
  readonly readableFrom: number;
}

/**
 * Brings a file to the newest schema. Its version is the number of steps it has seen; a program
 * with fewer steps may go on using it as long as the file says so (a rolling upgrade), and
 * refuses it otherwise.
 */
export function migrate(db: DatabaseSync, file: string, migrations: readonly Migration[]): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(
      'CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT',
    );
    const version = readMeta(db, 'schemaVersion');
    const readableFrom = readMeta(db, 'readableFrom');
    if (readableFrom > migrations.length) {
      throw new Error(
        `${file} was written by a newer Sallyport (schema ${version}, readable from ${readableFrom}; ` +
          `this one knows ${migrations.length}): start that version, or restore a backup`,
      );
    }
    for (const step of migrations.slice(version)) {
      db.exec(step.sql);
      writeMeta(db, 'readableFrom', step.readableFrom);
    }
    writeMeta(db, 'schemaVersion', Math.max(version, migrations.length));
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function readMeta(db: DatabaseSync, key: string): number {
  const row = db.prepare('SELECT value FROM meta WHERE key = ?').get(key);
  return Number(row?.['value'] ?? 0);
}

function writeMeta(db: DatabaseSync, key: string, value: number): void {
  db.prepare(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  ).run(key, value);
}
