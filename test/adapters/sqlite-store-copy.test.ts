import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { openSqliteSource } from '../../src/adapters/sqlite/copy-source.ts';
import { lockDataFolder } from '../../src/adapters/sqlite/data-folder.ts';
import { describeStoreSource, readAll } from '../contracts/store-source.contract.ts';
import { fillStores } from '../support/filled-stores.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openEmbedded } from '../support/embedded.ts';

describeStoreSource('sqlite', async () => {
  const folder = temporaryFolder();
  const { close, ...stores } = await openEmbedded(folder.path);
  return {
    stores,
    async read() {
      await close();
      return openSqliteSource(folder.path);
    },
    close: async () => folder.remove(),
  };
});

function digests(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !/-shm$|^lock\.db/.test(name));
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

async function inFilledFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    const { close, ...stores } = await openEmbedded(join(folder.path, 'data'));
    await fillStores(stores, 200);
    // As a kill leaves it: what was written last stands in the logs only.
    cpSync(join(folder.path, 'data'), join(folder.path, 'killed'), { recursive: true });
    await close();
    await work(folder.path);
  } finally {
    folder.remove();
  }
}

describe('a data folder that is read as a whole', () => {
  it('is left as it is, with logs and without', () =>
    inFilledFolder(async (folder) => {
      for (const name of ['data', 'killed']) {
        const path = join(folder, name);
        const before = digests(path);
        const source = openSqliteSource(path);
        expect((await readAll(source)).notifications).toHaveLength(200);
        await source.close();
        expect(digests(path)).toEqual(before);
      }
      expect(Object.keys(digests(join(folder, 'data')))).toEqual(['inbox.db', 'store.db']);
      expect(Object.keys(digests(join(folder, 'killed')))).toContain('store.db-wal');
    }));

  it('is locked meanwhile, and refused while a service works in it', () =>
    inFilledFolder(async (folder) => {
      const path = join(folder, 'data');
      const source = openSqliteSource(path);
      expect(() => lockDataFolder(path)).toThrow(/in use by another Sallyport/);
      expect(() => openSqliteSource(path)).toThrow(/in use by another Sallyport/);
      await source.close();
      lockDataFolder(path).release();
    }));

  it('is refused when it is none, or of another version', () =>
    inFilledFolder(async (folder) => {
      const path = join(folder, 'data');
      expect(() => openSqliteSource(folder)).toThrow(/There is no .*store\.db: is this/);
      expect(readdirSync(folder).toSorted()).toEqual(['data', 'killed']);
      const db = new DatabaseSync(join(path, 'store.db'));
      for (const [version, advice] of [
        [99, /schema 99.*take the version that wrote it/],
        [1, /schema 1,.*start this version on it once/],
      ] as const) {
        db.prepare(`UPDATE meta SET value = ? WHERE key = 'schemaVersion'`).run(version);
        expect(() => openSqliteSource(path)).toThrow(advice);
      }
      db.close();
      renameSync(join(path, 'inbox.db'), join(path, 'elsewhere'));
      expect(() => openSqliteSource(path)).toThrow(/There is no .*inbox\.db/);
      // Refusals leave no lock behind.
      lockDataFolder(path).release();
    }));
});
