import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { checkStructure, namingDamage } from './inspect.ts';
import { migrate, type Migration } from './schema.ts';

/** What the main thread tells a database thread at its start. */
export interface ThreadData {
  readonly file: string;
  /** A reading thread opens the file read-only and never migrates it. */
  readonly readOnly: boolean;
}

/** One call: the name of a procedure and its argument, flat values and text only. */
export type Call = readonly [name: string, argument: unknown];

/** What became of a call: its value, or the text of its error. */
export type Reply = { readonly value: unknown } | { readonly error: string };

/** Columns by their place in the statement. */
export type Row = readonly SQLOutputValue[];

/** A statement whose rows are arrays: half the work to make, to send and to receive. */
export interface RowStatement {
  get(...parameters: SQLInputValue[]): Row | undefined;
  all(...parameters: SQLInputValue[]): Row[];
}

/** A database with its statements, each prepared once; a text is used in one of the two ways. */
export interface Database {
  prepare(sql: string): StatementSync;
  prepareRows(sql: string): RowStatement;
}

/**
 * A piece of work in the thread. Runs inside a transaction that it may share with others, and may
 * run twice: when a neighbour fails, the transaction is rolled back and each is run alone.
 */
export type Procedure = (db: Database, argument: never) => unknown;

// Of 4 KiB each: large enough that checkpoints are rare, small enough that one takes some 25 ms.
const MAX_LOG_FRAMES = 16_384;
const MAX_LOG_BYTES = 64 * 1024 * 1024;
const LOCK_TIMEOUT_MS = 5000;
const READERS_TIMEOUT_MS = 200;

/** Serves the procedures of one file in this thread until the main thread ends it. */
export function serve(
  migrations: readonly Migration[],
  procedures: Record<string, Procedure>,
): void {
  const { file, readOnly } = workerData as ThreadData;
  const port = parentPort;
  if (port === null) throw new Error('a database thread is started by openThread');

  const db = namingDamage(file, () => {
    const opened = open(file, readOnly);
    if (!readOnly) {
      checkStructure(opened, file);
      migrate(opened, file, migrations);
    }
    return opened;
  });
  const database = withStatements(db);
  const begin = readOnly ? 'BEGIN' : 'BEGIN IMMEDIATE';
  const checkpoint = readOnly ? () => undefined : createCheckpoint(db);

  port.on('message', (message: readonly Call[] | 'close') => {
    if (message === 'close') {
      db.close();
      port.close();
      return;
    }
    port.postMessage(runBatch(message));
    checkpoint();
  });
  port.postMessage('open');

  function runBatch(calls: readonly Call[]): Reply[] {
    try {
      return transaction(() => calls.map((call) => ({ value: run(call) })));
    } catch (error) {
      // One call's failure must not be its neighbours': each again, alone. A database that cannot
      // even begin or commit fails them all, or each would wait for the lock in its turn.
      if (!(error instanceof ProcedureError) || calls.length === 1) {
        return calls.map(() => ({ error: textOf(error) }));
      }
      return calls.flatMap((call) => runBatch([call]));
    }
  }

  function transaction<T>(work: () => T): T {
    db.exec(begin);
    try {
      const result = work();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  function run([name, argument]: Call): unknown {
    if (name === 'ping') return null;
    const procedure = procedures[name];
    if (procedure === undefined) throw new Error(`no procedure ${name}`);
    try {
      return procedure(database, argument as never);
    } catch (cause) {
      throw new ProcedureError(`${name}: ${textOf(cause)}`, { cause });
    }
  }
}

class ProcedureError extends Error {}

function open(file: string, readOnly: boolean): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly, timeout: LOCK_TIMEOUT_MS });
  if (!readOnly) {
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    db.exec('PRAGMA wal_autocheckpoint = 0');
    db.exec(`PRAGMA journal_size_limit = ${MAX_LOG_BYTES}`);
  }
  db.exec('PRAGMA temp_store = MEMORY');
  db.exec(`PRAGMA cache_size = ${readOnly ? -4000 : -16_000}`); // KiB
  return db;
}

function withStatements(db: DatabaseSync): Database {
  const statements = new Map<string, StatementSync>();

  function prepare(sql: string): StatementSync {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const prepared = db.prepare(sql);
    statements.set(sql, prepared);
    return prepared;
  }

  return {
    prepare,
    prepareRows(sql) {
      const statement = prepare(sql);
      statement.setReturnArrays(true);
      return statement as unknown as RowStatement; // its declared type knows no arrays
    },
  };
}

/**
 * Folds the log into the file once it has grown; runs after the replies have left. The next write
 * begins the log anew in the same file: writing over what is there is synced faster than making a
 * file longer. It waits for readers but a moment: one that takes longer, such as a backup, keeps the
 * log growing until the next time, and nobody waiting.
 */
function createCheckpoint(db: DatabaseSync): () => void {
  const measure = db.prepare('PRAGMA wal_checkpoint(NOOP)');
  let nextAt = MAX_LOG_FRAMES;
  let last = 0;
  return function checkpoint() {
    const frames = Number(measure.get()?.['log']);
    if (frames < last) nextAt = MAX_LOG_FRAMES;
    last = frames;
    if (frames < nextAt) return;
    nextAt = frames + MAX_LOG_FRAMES / 4;
    foldLog(db);
  };
}

function foldLog(db: DatabaseSync): void {
  db.exec(`PRAGMA busy_timeout = ${READERS_TIMEOUT_MS}`);
  try {
    db.exec('PRAGMA wal_checkpoint(RESTART)');
  } catch {
    // A full disk: the log still holds everything, and the calls have their answers.
  } finally {
    db.exec(`PRAGMA busy_timeout = ${LOCK_TIMEOUT_MS}`);
  }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'errcode' in error ? `${error.message} (SQLite ${String(error.errcode)})` : error.message;
}
