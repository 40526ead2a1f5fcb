import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openMongoSource } from '../../src/adapters/mongo/copy-source.ts';
import { openMongoStore } from '../../src/adapters/mongo/store.ts';
import { ROW_KINDS } from '../../src/ports/store-copy.ts';
import { countRows, runMigration } from '../../src/compose/migration.ts';
import { describeStoreSource, readAll } from '../contracts/store-source.contract.ts';
import { aSink, aSubscription } from '../support/builders.ts';
import { openEmbedded } from '../support/embedded.ts';
import { fillStores, type Filled } from '../support/filled-stores.ts';
import { temporaryFolder } from '../support/folder.ts';
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

await describeOn('mongodb', 'moving house', (server) => {
  const { fresh, drop } = databasesOn(server.url);
  afterAll(drop);

  describeStoreSource('mongo', async () => {
    const url = fresh();
    const { close, ...stores } = await openMongoStore({ ...options(url), log: silentLog });
    return {
      stores,
      read: () => openMongoSource(options(url)),
      spoil: (sinkId, filter) =>
        inDatabase(url, async (db) => {
          await db.collection('sinks').updateOne({ id: sinkId }, { $set: { filter } });
        }),
      close,
    };
  });

  describe('from a data folder', () => {
    const folder = temporaryFolder();
    const from = { dataDir: folder.path };
    let filled: Filled;
    let target: string;
    beforeAll(async () => {
      const { close, ...stores } = await openEmbedded(folder.path);
      filled = await fillStores(stores, 600);
      await close();
    });
    afterAll(() => folder.remove());
    beforeEach(() => {
      target = fresh();
    });

    it('moves everything, compares it, and does nothing the second time', async () => {
      const report = await move(from, target);
      expect(report).toMatchObject({ equal: true, differences: [], resumed: false });
      expect(report.kinds.map(({ kind }) => kind)).toEqual(ROW_KINDS);
      for (const { rows, rowsInTarget, digest, digestInTarget } of report.kinds) {
        expect(rows).toBeGreaterThan(0);
        expect([rowsInTarget, digestInTarget]).toEqual([rows, digest]);
      }
      expect(await countRows(from, watched)).toEqual(
        report.kinds.map(({ kind, rows, digest }) => ({ kind, rows, digest })),
      );
      const before = await dump(target);
      const again = await move(from, target);
      expect(again).toEqual({ ...report, resumed: true });
      expect(await dump(target)).toEqual(before);
    });

    it('leaves a store that the service goes on with', async () => {
      await move(from, target);
      const store = await openMongoStore({ ...options(target), log: silentLog });
      // The default sink was there once, and is not made anew.
      expect(await store.sinks.insertFirst(aSink())).toBe(false);
      const [sink] = (await store.sinks.list('default', { limit: 1 })).data;
      expect(sink?.id).toBe(filled.sinkIds[0]);
      // What is new stands behind all that was moved.
      const subscription = aSubscription();
      await store.subscriptions.insert(subscription);
      const [latest, next] = (await store.subscriptions.list('default', { limit: 2 })).data;
      expect([latest?.id, next?.id]).toEqual([subscription.id, filled.subscriptionIds.at(-1)]);
      const [replay] = await store.replays.running();
      const cursor = replay?.cursor ?? undefined;
      const page = await store.deliveries.search('default', {}, { limit: 1, cursor });
      expect(page.data[0]?.id).toBe(filled.notifications.at(-6)?.id);
      const newest = (await store.audit.search('default', {}, { limit: 100 })).data;
      const numbers = newest.map(({ resource }) => Number(resource?.slice('sink/'.length)));
      expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
      await store.close();
    });

    it('gives claims back, at the end of their leases and with a new generation', async () => {
      const source = await openEmbedded(folder.path);
      const [first] = filled.notifications;
      const there = await source.deliveries.deliveriesOf(first?.id ?? '');
      await source.close();
      await move(from, target);
      const store = await openMongoStore({ ...options(target), log: silentLog });
      const claimed = there.filter(({ state }) => state === 'claimed');
      expect(claimed).toHaveLength(1);
      expect(await store.deliveries.deliveriesOf(first?.id ?? '')).toEqual(
        there.map((delivery) =>
          delivery.state === 'claimed'
            ? { ...delivery, state: 'due', generation: delivery.generation + 1 }
            : delivery,
        ),
      );
      await store.close();
    });

    it('names a row that is other or gone there, and overwrites nothing', async () => {
      await move(from, target);
      const [other, gone, more] = filled.notifications.map(({ id }) => id);
      await inDatabase(target, async (db) => {
        const notifications = db.collection<{ _id: string }>('notifications');
        await notifications.updateOne({ _id: String(other) }, { $set: { subject: 'altered' } });
        await notifications.deleteOne({ _id: String(gone) });
        const deliveries = db.collection<{ _id: string }>('deliveries');
        const copy = await deliveries.findOne({ notificationId: more });
        await deliveries.insertOne({ ...copy, _id: 'one more' });
      });
      const before = await dump(target);
      const report = await move(from, target);
      expect(report.equal).toBe(false);
      expect(report.finishedAt).not.toBeNull();
      expect(report.differences).toHaveLength(2);
      expect(report.differences).toEqual(
        expect.arrayContaining([
          { kind: 'notifications', id: other, is: 'different' },
          { kind: 'notifications', id: gone, is: 'missing' },
        ]),
      );
      const unequal = report.kinds.filter(({ equal }) => !equal);
      expect(unequal.map((kind) => [kind.kind, kind.rowsInTarget - kind.rows])).toEqual([
        ['notifications', -1],
        ['deliveries', 1],
      ]);
      expect(await dump(target)).toEqual(before);
    });

    it('refuses a target that holds something else', async () => {
      const store = await openMongoStore({ ...options(target), log: silentLog });
      await store.subscriptions.insert(aSubscription());
      await store.close();
      const before = await dump(target);
      await expect(move(from, target)).rejects.toThrow(/holds subscriptions already.*empty/);
      expect(await dump(target)).toEqual(before);
    });

    it('refuses a target of a newer version', async () => {
      const newer = { version: 12, readableFrom: 1 };
      await inDatabase(target, (db) =>
        db.collection<{ _id: string }>('meta').insertOne({ _id: 'schema', ...newer }),
      );
      await expect(move(from, target)).rejects.toThrow(/schema is 12.*take the version/);
    });

    /** Ends a migration in the middle. */
    async function moveHalf(): Promise<void> {
      const stopped = new AbortController();
      const stop = () => stopped.abort(new Error('stopped here'));
      const progress = (step: string, kind: string) => {
        if (step === 'Moving' && kind === 'notifications') stop();
      };
      const halfway = { progress, signal: stopped.signal };
      await expect(runMigration(from, database(target), halfway)).rejects.toThrow('stopped here');
    }

    it('keeps services off a target that is half there, and then lets them in', async () => {
      await moveHalf();
      const open = () => openMongoStore({ ...options(target), log: silentLog });
      const before = await dump(target);
      await expect(open()).rejects.toThrow(
        /^What is being moved into the database test-\S+ is not all there: run "sallyport migrate" again .*or drop this database$/,
      );
      expect(await dump(target)).toEqual(before);
      expect(await move(from, target)).toMatchObject({ equal: true, resumed: true });
      const store = await open();
      await store.close();
    });

    it('names a row of the target that cannot be read', async () => {
      await move(from, target);
      const [id] = filled.notifications.map((notification) => notification.id);
      await inDatabase(target, (db) =>
        db
          .collection<{ _id: string }>('notifications')
          .updateOne({ _id: String(id) }, { $set: { receivedAt: 1.5 } }),
      );
      await expect(move(from, target)).rejects.toThrow(
        `notifications ${id} of the target cannot be read (receivedAt: expected int): mend it, or drop the target database, then run this again`,
      );
    });

    it('begins anew in a database that was dropped, and not in one that was emptied', async () => {
      await move(from, target);
      await inDatabase(target, async (db) => {
        for (const kind of ROW_KINDS) await db.collection(kind).deleteMany({});
      });
      expect(await move(from, target)).toMatchObject({ equal: false, resumed: true });
      await inDatabase(target, (db) => db.dropDatabase());
      expect(await move(from, target)).toMatchObject({ equal: true, resumed: false });
    });

    it('refuses a target that is the source, and notes nothing in it', async () => {
      const empty = fresh();
      const store = await openMongoStore({ ...options(empty), log: silentLog });
      await store.close();
      await move(from, target); // what it notes there would be that of the next one, too
      for (const url of [target, empty]) {
        const before = await dump(url);
        for (const name of [url, url.replace('127.0.0.1', 'localhost')]) {
          await expect(move(database(url), name)).rejects.toThrow(/are the same database/);
          expect(await dump(url)).toEqual(before);
        }
      }
    });

    it('refuses to go on with a source that has changed since', async () => {
      await moveHalf();
      await expect(move(database(target), fresh())).rejects.toThrow(/migration that is not done/);
      const source = await openEmbedded(folder.path);
      await source.subscriptions.insert(aSubscription());
      await source.close();
      await expect(move(from, target)).rejects.toThrow(
        /of another source, or of this one before .* or drop this one/,
      );
      await inDatabase(target, (db) => db.dropDatabase());
      expect(await move(from, target)).toMatchObject({ equal: true });
    });
  });

  it('moves from one database to another, and leaves the first as it is', async () => {
    const [from, to] = [fresh(), fresh()];
    const { close, ...stores } = await openMongoStore({ ...options(from), log: silentLog });
    await fillStores(stores, 600);
    await close();
    const before = await dump(from);
    expect(await move(database(from), to)).toMatchObject({ equal: true, resumed: false });
    expect(await dump(from)).toEqual(before);
    const [source, target] = [
      await openMongoSource(options(from)),
      await openMongoSource(options(to)),
    ];
    const [rows, moved] = [await readAll(source), await readAll(target)];
    expect(moved.audit).toEqual(rows.audit);
    expect(moved.deliveries.filter(({ value }) => value.state === 'claimed')).toEqual([]);
    await source.close();
    await target.close();
  });

  it('refuses a source with a row that cannot be read', async () => {
    const [source, to] = [fresh(), fresh()];
    const store = await openMongoStore({ ...options(source), log: silentLog });
    const { notifications } = await fillStores(store, 20);
    await store.close();
    const id = notifications[7]?.id ?? '';
    await inDatabase(source, (db) =>
      db
        .collection<{ _id: string }>('notifications')
        .updateOne({ _id: id }, { $set: { receivedAt: 1.5, state: 'pass-7f3a', place: {} } }),
    );
    for (const failed of [move(database(source), to), countRows(database(source), watched)]) {
      await expect(failed).rejects.toThrow(
        `notifications ${id} of the source cannot be read (state: expected accepted or pending or waiting; ` +
          'receivedAt: expected int; place: expected number): mend or remove it, then run this again',
      );
    }
    await inDatabase(source, (db) =>
      db.collection<{ _id: string }>('notifications').deleteOne({ _id: id }),
    );
    expect(await move(database(source), to)).toMatchObject({ equal: true });
  });

  it('refuses a database that is none of ours', async () => {
    const [nothing, to] = [fresh(), fresh()];
    await expect(move(database(nothing), to)).rejects.toThrow(/nothing of Sallyport in/);
  });
});
