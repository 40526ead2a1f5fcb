import { afterAll, beforeEach, expect, it } from '@jest/globals';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { openMongoSource } from '../../src/adapters/mongo/copy-source.ts';
import { openMongoTarget } from '../../src/adapters/mongo/copy-target.ts';
import { openMongoStore } from '../../src/adapters/mongo/store.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { givingClaimsBack } from '../../src/app/migration/given-back.ts';
import { migrate, type MigrationReport } from '../../src/app/migration/migrate.ts';
import type { StoreSource } from '../../src/ports/store-copy.ts';
import { fillStores } from '../support/filled-stores.ts';
import {
  database,
  databasesOn,
  dump,
  inDatabase,
  move,
  movedOptions as options,
  watched,
} from '../support/moving.ts';
import { describeOn } from '../support/services.ts';
import { silentLog } from '../support/silent-log.ts';

await describeOn('mongodb', 'moving house, twice at once', (server) => {
  const { fresh, drop } = databasesOn(server.url);
  afterAll(drop);
  let from: string;
  let to: string;
  beforeEach(async () => {
    [from, to] = [fresh(), fresh()];
    const store = await openMongoStore({ ...options(from), log: silentLog });
    await fillStores(store, 20);
    await store.close();
  });

  /** A move that stands still, with the receipts in hand, when it has read them so many times. */
  async function moveStalling(time: number) {
    const [stalled, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const source = givingClaimsBack(await openMongoSource(options(from)));
    const target = await openMongoTarget(options(to));
    let times = 0;
    const stalling: StoreSource = {
      ...source,
      async page(kind, after) {
        const page = await source.page(kind, after);
        if (kind === 'receipts') times += 1;
        if (kind !== 'receipts' || times !== time) return page;
        stalled.resolve();
        await goOn.promise;
        return page;
      },
    };
    const deps = { ...watched, source: stalling, target, digest: createDigest() };
    const moved = migrate({ ...deps, clock: systemClock });
    await Promise.race([stalled.promise, moved]);
    return async function end(): Promise<MigrationReport> {
      goOn.resolve();
      try {
        return await moved;
      } finally {
        await Promise.all([source.close(), target.close()]);
      }
    };
  }

  /** As a service does that has settled its receipts. */
  const settle = () => inDatabase(to, (db) => db.collection('receipts').deleteMany({}));

  it.each([
    ['moves', 2],
    ['compares', 3],
  ])('ends the one that another has taken over while it %s', async (_, time) => {
    const endFirst = await moveStalling(time);
    expect(await move(database(from), to)).toMatchObject({ equal: true, resumed: true });
    await settle();
    const before = await dump(to);
    await expect(endFirst()).rejects.toThrow(/^Another migrate has taken this over/);
    expect(await dump(to)).toEqual(before);
    const store = await openMongoStore({ ...options(to), log: silentLog });
    await store.close();
  });

  it('ends the one whose target was dropped, and leaves nothing of it', async () => {
    const endFirst = await moveStalling(2);
    await inDatabase(to, (db) => db.dropDatabase());
    await expect(endFirst()).rejects.toThrow(/or the target was dropped/);
    expect(await dump(to)).toEqual([]);
  });

  it('lets one of several begin, take over or finish', async () => {
    const targets = await Promise.all([1, 2, 3].map(() => openMongoTarget(options(to))));
    const begun = { source: 's', startedAt: 1, finishedAt: null, reached: {} };
    /** Each target writes a record of its own, named after its place. */
    const write = async (over: string | undefined, finishedAt: number | null = null) => {
      const all = targets.map((target, place) =>
        target.writeRecord({ ...begun, run: `${over}-${place}`, finishedAt }, over),
      );
      const written = await Promise.all(all);
      expect(written.filter(Boolean)).toHaveLength(1);
      const record = await targets[0]?.findRecord();
      expect(record?.run).toBe(`${over}-${written.indexOf(true)}`);
      return record?.run;
    };
    const first = await write(undefined);
    const second = await write(first);
    const last = await write(second, 2);
    for (const over of [undefined, first, second, last]) {
      const record = { ...begun, run: 'late' };
      expect(await targets[1]?.writeRecord(record, over)).toBe(false);
    }
    expect(await targets[0]?.findRecord()).toMatchObject({ run: last, finishedAt: 2 });
    await Promise.all(targets.map((target) => target.close()));
  });
});
