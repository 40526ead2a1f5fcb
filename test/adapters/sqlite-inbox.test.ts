import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { lockDataFolder } from '../../src/adapters/sqlite/data-folder.ts';
import { readItems, writeItems } from '../../src/adapters/sqlite/inbox-rows.ts';
import { openSqliteInbox } from '../../src/adapters/sqlite/inbox.ts';
import { describeInbox, type InboxHarness } from '../contracts/inbox.contract.ts';
import { TurnedClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { silentLog } from '../support/silent-log.ts';
import * as fc from 'fast-check';

async function openHarness(folder = temporaryFolder()): Promise<InboxHarness> {
  const clock = new TurnedClock();
  const options = { dataDir: folder.path, clock, log: silentLog, timeoutMs: 5000 };
  const opened = await openSqliteInbox(options);
  return {
    inbox: opened.inbox,
    now: () => clock.now(),
    elapse: (ms) => clock.turn(ms),
    async reopen() {
      await opened.close();
      return openHarness(folder);
    },
    // Somebody else holds the write lock: the thread stands in its commit and answers nothing.
    async hang() {
      const holder = new DatabaseSync(join(folder.path, 'inbox.db'), { timeout: 5000 });
      holder.exec('BEGIN IMMEDIATE');
      return async () => {
        holder.exec('ROLLBACK');
        holder.close();
      };
    },
    async close() {
      await opened.close();
      folder.remove();
    },
  };
}

describeInbox('sqlite', openHarness);

describe('the items of a stored receipt', () => {
  it('come back to the last character', () => {
    const item = fc.record({
      place: fc.nat(),
      organizationId: fc.string(),
      subscriptionId: fc.string(),
      applicationId: fc.string(),
      text: fc.string({ unit: 'binary' }),
    });
    fc.assert(
      fc.property(fc.array(item), (items) => {
        expect(readItems(writeItems(items))).toEqual(items);
      }),
    );
  });
});

describe('the lock of the data folder', () => {
  it('keeps a second one out, in words that say what to do, until it is released', () => {
    const folder = temporaryFolder();
    const first = lockDataFolder(folder.path);
    expect(() => lockDataFolder(folder.path)).toThrow(/in use by another Sallyport.*DATA_DIR/);
    first.release();
    lockDataFolder(folder.path).release();
    folder.remove();
  });

  it.each([
    ['is a file', '/etc/passwd', 'EEXIST'],
    ['is below a file', '/etc/passwd/data', 'EEXIST'],
    // Node's own recursive mkdir never comes back from this one.
    ['is where the system makes none', '/proc/data/sallyport', 'ENOENT'],
  ])('says which folder cannot be made when it %s', (_what, path, why) => {
    expect(() => lockDataFolder(path)).toThrow(
      new RegExp(`^DATA_DIR cannot be used, for no folder /\\S+ can be made: ${why}$`),
    );
  });
});
