import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
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
    async spoil(sinkId, filter) {
      const db = new DatabaseSync(join(folder.path, 'store.db'));
      db.prepare('UPDATE sinks SET filter = ? WHERE id = ?').run(filter, sinkId);
      db.close();
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
    chmodSync(folder.path, 0o755); // others may be let in
    lockDataFolder(join(folder.path, 'data')).release(); // as a service did
    // As a kill leaves it: what was written last stands in the logs only.
    cpSync(join(folder.path, 'data'), join(folder.path, 'killed'), { recursive: true });
    await close();
    await work(folder.path);
  } finally {
    folder.remove();
  }
}

/** By somebody whom modes keep out: they do not keep out root. */
function unprivileged<T>(work: () => T): T {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}

/** Lets everybody read all of a folder, and nobody write. */
function forbidWriting(path: string): void {
  for (const name of readdirSync(path)) chmodSync(join(path, name), 0o444);
  chmodSync(path, 0o555);
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

  it('gets nothing that was not there, not even a lock', () =>
    inFilledFolder(async (folder) => {
      const path = join(folder, 'data');
      rmSync(join(path, 'lock.db')); // as a backup is
      const source = openSqliteSource(path);
      expect((await readAll(source)).notifications).toHaveLength(200);
      expect(readdirSync(path).toSorted()).toEqual(['inbox.db', 'store.db']);
      await source.close();
      expect(readdirSync(path).toSorted()).toEqual(['inbox.db', 'store.db']);
    }));

  it('is read by who may not write to it, and locked all the same', () =>
    inFilledFolder(async (folder) => {
      const path = join(folder, 'data');
      forbidWriting(path);
      const source = unprivileged(() => openSqliteSource(path));
      expect((await readAll(source)).notifications).toHaveLength(200);
      // A service would share the lock, and so the folder, with another one.
      expect(() => unprivileged(() => lockDataFolder(path))).toThrow(/lock\.db cannot be used/);
      chmodSync(path, 0o700);
      chmodSync(join(path, 'lock.db'), 0o600);
      expect(() => lockDataFolder(path)).toThrow(/in use by another Sallyport/);
      await source.close();
      lockDataFolder(path).release();
    }));

  it('is refused by the name of the file that this user cannot use', () =>
    inFilledFolder(async (folder) => {
      const path = join(folder, 'killed');
      for (const name of readdirSync(path)) if (name.endsWith('-shm')) rmSync(join(path, name));
      forbidWriting(path);
      expect(() => unprivileged(() => openSqliteSource(path))).toThrow(
        /killed\/store\.db cannot be used \(.+\): let the user that runs this read and write in its folder, or take a copy/,
      );
      chmodSync(path, 0o700);
      for (const name of readdirSync(path)) chmodSync(join(path, name), 0o600);
      rmSync(join(path, 'lock.db'));
      mkdirSync(join(path, 'lock.db'));
      expect(() => openSqliteSource(path)).toThrow(/killed\/lock\.db cannot be used \(.+\): let/);
    }));

  it('names a row with a number that is too large, in its tries too', () =>
    inFilledFolder(async (folder) => {
      const path = join(folder, 'data');
      const db = new DatabaseSync(join(path, 'store.db'));
      const large = 2n ** 60n + 1n;
      const id = db.prepare('SELECT id FROM notifications ORDER BY seq').get()?.['id'];
      db.prepare('UPDATE notifications SET received_at = ? WHERE id = ?').run(large, String(id));
      const tried = db
        .prepare('SELECT id, seq FROM deliveries WHERE seq IN (SELECT delivery_seq FROM attempts)')
        .get();
      db.prepare('UPDATE attempts SET started_at = ? WHERE delivery_seq = ?').run(
        large,
        Number(tried?.['seq']),
      );
      db.close();
      const source = openSqliteSource(path);
      for (const [kind, row] of [
        ['notifications', id],
        ['deliveries', tried?.['id']],
      ] as const) {
        await expect(source.page(kind)).rejects.toThrow(
          `${kind} ${String(row)} of the source cannot be read (an integer column was expected): mend`,
        );
      }
      await source.close();
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
