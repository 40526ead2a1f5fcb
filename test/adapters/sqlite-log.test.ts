import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aNotification } from '../support/builders.ts';
import { openTestStore, type TestStore } from '../support/sqlite-store.ts';

const MIB = 1024 * 1024;
const FOLDED_AT = 64 * MIB;

describe('the log of store.db', () => {
  let store: TestStore;
  beforeEach(async () => {
    store = await openTestStore();
  });
  afterEach(() => store.close());

  const logBytes = () => statSync(`${store.file}-wal`).size;
  async function write(mebibytes: number): Promise<void> {
    for (let written = 0; written < mebibytes; written += 4) {
      await store.deliveries.insertNotifications([aNotification({ data: 'x'.repeat(4 * MIB) })]);
    }
    // What follows in its turn: the log is folded after the replies have left.
    await store.deliveries.markExpanded([]);
  }

  it('is folded into the file when it has grown, and written anew from its beginning', async () => {
    await write(150);
    expect(logBytes()).toBeLessThan(FOLDED_AT + 8 * MIB);
    expect(statSync(store.file).size).toBeGreaterThan(100 * MIB);
  });

  it('grows while somebody reads for long, who keeps no write waiting, and shrinks then', async () => {
    const reader = new DatabaseSync(store.file, { readOnly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM notifications').get();
    await write(100);
    expect(logBytes()).toBeGreaterThan(FOLDED_AT + 16 * MIB);
    reader.exec('COMMIT');
    reader.close();
    await write(24);
    expect(logBytes()).toBeLessThan(FOLDED_AT + 8 * MIB);
  });
});
