import { openSqliteInbox } from '../../src/adapters/sqlite/inbox.ts';
import { joinSealedValues } from '../../src/adapters/sqlite/sealed-values.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { describeSealedValues } from '../contracts/sealed-values.contract.ts';
import { temporaryFolder } from '../support/folder.ts';
import { silentLog } from '../support/silent-log.ts';

describeSealedValues('sqlite', async () => {
  const folder = temporaryFolder();
  const options = { dataDir: folder.path, clock: systemClock, log: silentLog, timeoutMs: 5000 };
  const [store, opened] = [await openSqliteStore(options), await openSqliteInbox(options)];
  return {
    ...store,
    inbox: opened.inbox,
    sealed: joinSealedValues([store.sealed, opened.sealed]),
    async close() {
      await store.close();
      await opened.close();
      folder.remove();
    },
  };
});
