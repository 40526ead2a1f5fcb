import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { migrate } from '../../src/adapters/sqlite/schema.ts';
import { STORE_MIGRATIONS } from '../../src/adapters/sqlite/store-schema.ts';
import { aSink, anEnvelope, BUILT_AT } from '../support/builders.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openTestStore } from '../support/sqlite-store.ts';

/** What the first schema kept of a sink. */
const INSERT = `
  INSERT INTO sinks (
    id, organization_id, name, kind, purpose, url, secrets, filter, enabled, concurrency,
    created_at, updated_at, deleted_at
  ) VALUES (
    :id, 'default', :name, 'webhook', 'notifications', :url, :secrets, '{}', 1, 20,
    :createdAt, :createdAt, :deletedAt
  )`;

describe('a store.db of the first schema', () => {
  it('keeps its sinks, and takes those of the new kinds', async () => {
    const folder = temporaryFolder();
    const file = join(folder.path, 'store.db');
    const known = { kind: 'webhook', url: 'https://sink.example/', secrets: anEnvelope() } as const;
    const [alive, deleted] = [aSink(known), aSink({ ...known, deletedAt: BUILT_AT + 1 })];
    const db = new DatabaseSync(file);
    migrate(db, file, STORE_MIGRATIONS.slice(0, 1));
    for (const { id, name, url, secrets, createdAt, deletedAt } of [alive, deleted]) {
      const values = { id, name, url, secrets: JSON.stringify(secrets), createdAt, deletedAt };
      db.prepare(INSERT).run(values);
    }
    db.close();

    let store = await openTestStore(folder);
    expect(await store.sinks.all()).toEqual([alive]);
    expect(await store.sinks.findDeleted('default', deleted.id)).toEqual(deleted);
    const added = aSink({ kind: 'redis-stream', stream: 'orders' });
    await store.sinks.insert(added);
    store = await store.reopen();
    expect(await store.sinks.all()).toEqual([alive, added]);
    await store.close();
  });

  it('is refused by the program of that time once it has been opened by this one', async () => {
    const store = await openTestStore();
    const db = new DatabaseSync(store.file);
    expect(() => migrate(db, store.file, STORE_MIGRATIONS.slice(0, 1))).toThrow(
      'was written by a newer Sallyport (schema 3, readable from 2; this one knows 1)',
    );
    db.close();
    await store.close();
  });
});
