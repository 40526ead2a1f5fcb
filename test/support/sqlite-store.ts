import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore, type SqliteStore } from '../../src/adapters/sqlite/store.ts';
import { TurnedClock } from './clock.ts';
import { temporaryFolder } from './folder.ts';
import { silentLog } from './silent-log.ts';

export const STORE_TIMEOUT_MS = 5000;

/** A `store.db` in a folder of its own, its clock standing still. */
export interface TestStore extends SqliteStore {
  readonly clock: TurnedClock;
  readonly file: string;
  /** Closes it and opens it again on its folder. */
  reopen(): Promise<TestStore>;
  /** Keeps its writer waiting until the function it gives is called, for 5 s at most. */
  hang(): () => void;
}

export async function openTestStore(
  folder = temporaryFolder(),
  clock = new TurnedClock(),
): Promise<TestStore> {
  const options = { dataDir: folder.path, clock, log: silentLog, timeoutMs: STORE_TIMEOUT_MS };
  const store = await openSqliteStore(options);
  const file = join(folder.path, 'store.db');
  return {
    ...store,
    clock,
    file,

    async reopen() {
      await store.close();
      return openTestStore(folder, clock);
    },

    hang() {
      const other = new DatabaseSync(file, { timeout: 5000 });
      other.exec('BEGIN IMMEDIATE');
      return () => other.close();
    },

    async close() {
      await store.close();
      folder.remove();
    },
  };
}
