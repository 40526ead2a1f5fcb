import { mkdirSync } from 'node:fs';
import { openSqliteInbox } from '../../src/adapters/sqlite/inbox.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import type { FillableStores } from './filled-stores.ts';
import { silentLog } from './silent-log.ts';

/** What an embedded service keeps in its data folder, without the service. */
export async function openEmbedded(
  dataDir: string,
): Promise<FillableStores & { close(): Promise<void> }> {
  mkdirSync(dataDir, { recursive: true });
  const options = { dataDir, clock: systemClock, log: silentLog, timeoutMs: 60_000 };
  const store = await openSqliteStore(options);
  const { inbox, close } = await openSqliteInbox(options);
  return {
    ...store,
    inbox,
    async close() {
      await store.close();
      await close();
    },
  };
}
