import { describe, expect, it } from '@jest/globals';
import { MongoBulkWriteError, type Collection } from 'mongodb';
import { openMongo, type MongoDatabase } from '../../src/adapters/mongo/database.ts';
import { insertUnlessThere } from '../../src/adapters/mongo/delivery-bulk-insert.ts';
import { indexDeliveries } from '../../src/adapters/mongo/delivery-indexes.ts';
import { createMongoDeliveryStore } from '../../src/adapters/mongo/delivery-store.ts';
import { createMongoSinkRepository } from '../../src/adapters/mongo/sink-repository.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import type { PageRequest } from '../../src/domain/page.ts';
import {
  claimOf,
  LEASE,
  NOW,
  storeDelivery,
  type DeliveryStoreHarness,
} from '../contracts/delivery-store-harness.ts';
import { describeDeliveryStore } from '../contracts/delivery-store.contract.ts';
import { aDelivery, aNotification, anOutcome, BUILT_AT } from '../support/builders.ts';
import { TurnedClock } from '../support/clock.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { pagesOf } from '../support/pages.ts';
import { describeOn, describeOnProcess } from '../support/services.ts';
import { until } from '../support/wait.ts';
import { untilHung } from './until-hung.ts';

async function openDatabase(url: string, timeoutMs = 10_000) {
  const database = await openMongo(mongoOptions(url, { timeoutMs }));
  await indexDeliveries(database);
  return database;
}

async function openHarness(url: string): Promise<DeliveryStoreHarness> {
  const database = await openDatabase(url);
  return {
    store: createMongoDeliveryStore({ database }),
    sinks: createMongoSinkRepository({ database }),
    async reopen() {
      await database.close();
      return openHarness(url);
    },
    async close() {
      await database.db.dropDatabase();
      await database.close();
    },
  };
}

await describeOn('mongodb', 'deliveries in MongoDB', (server) => {
  describeDeliveryStore('mongo', () => openHarness(withDatabase(server.url)));

  it('makes its indexes again without harm', async () => {
    const database = await openDatabase(withDatabase(server.url));
    await indexDeliveries(database);
    const count = async (collection: string) =>
      (await database.db.collection(collection).indexes()).length;
    expect([await count('notifications'), await count('deliveries')]).toEqual([4, 4]);
    await database.db.dropDatabase();
    await database.close();
  });

  it('searches on past thousands of notifications that do not match', async () => {
    const { store, close } = await openHarness(withDatabase(server.url));
    const oldest = aNotification({ state: 'pending', receivedAt: BUILT_AT });
    const others = Array.from({ length: 4500 }, () => aNotification());
    await store.insertNotifications([oldest, ...others]);
    const search = (page: PageRequest) => store.search('default', { state: 'pending' }, page);
    expect((await pagesOf(search, 1)).flat()).toEqual([oldest]);
    await close();
  });

  it('ends a search that is slow after 2 s, and goes on from there', async () => {
    const database = await openDatabase(withDatabase(server.url));
    const clock = new TurnedClock();
    const slow: MongoDatabase = {
      ...database,
      clock,
      async run(operation) {
        await clock.turn(1000);
        return database.run(operation);
      },
    };
    const { insertNotifications } = createMongoDeliveryStore({ database });
    const oldest = aNotification({ state: 'pending', receivedAt: BUILT_AT });
    await insertNotifications([oldest, ...Array.from({ length: 4500 }, () => aNotification())]);
    const { search } = createMongoDeliveryStore({ database: slow });
    const pages = await pagesOf((page) => search('default', { state: 'pending' }, page), 1);
    expect(pages).toEqual([[], [oldest]]);
    await database.db.dropDatabase();
    await database.close();
  });

  it('purges on past thousands of notifications that have to stay', async () => {
    const { store, close } = await openHarness(withDatabase(server.url));
    const staying = Array.from({ length: 2500 }, () => aNotification());
    const last = aNotification();
    await store.insertNotifications([...staying, last]);
    await store.insertDeliveries(staying.map((notification) => aDelivery(notification)));
    const order = { notificationsBefore: last.receivedAt + 1, deadLettersBefore: 0, limit: 1 };
    expect((await store.purge(order)).notifications).toBe(1);
    expect(await store.find('default', last.id)).toBeUndefined();
    await close();
  });
});

await describeOnProcess('mongodb', 'deliveries in a MongoDB that fails', (server) => {
  const TIMEOUT_MS = 1000;

  it('tells that the store is away while it hangs or is gone, and then goes on', async () => {
    const database = await openDatabase(withDatabase(server.url), TIMEOUT_MS);
    const store = createMongoDeliveryStore({ database });
    const { notification, delivery } = await storeDelivery(store);
    const calls = () => [
      store.insertNotifications([aNotification()]),
      store.insertDeliveries([aDelivery(notification)]),
      store.due(delivery.sinkId, NOW, 1),
      store.claim(delivery.id, 5, LEASE),
      store.finish(delivery.id, 5, anOutcome('dead', NOW)),
      store.search('default', {}, { limit: 1 }),
      store.depth(delivery.sinkId),
      store.purge({ notificationsBefore: 0, deadLettersBefore: 0, limit: 1 }),
    ];
    const reasons = async () =>
      (await Promise.allSettled(calls())).map((settled) =>
        settled.status === 'rejected' ? settled.reason : 'answered',
      );

    server.signal('SIGSTOP');
    await untilHung(() => database.run(() => database.db.command({ ping: 1 })));
    const away = await reasons();
    server.signal('SIGCONT');
    await server.kill();
    for (const reason of [...away, ...(await reasons())]) {
      expect(reason).toBeInstanceOf(StoreUnavailableError);
    }

    await server.start();
    const isBack = () => store.depth(delivery.sinkId).then(...[true, false].map((is) => () => is));
    await until(isBack, 'it answers again');
    expect(await claimOf(store, delivery.id)).toBe(1);
    await database.close();
  });
});

describe('a bulk insert', () => {
  /** Of a driver's error what the insert goes by. */
  const insert = (refused: { index: number; code: number }[], concern?: { code: number }) => {
    const error: unknown = Object.create(MongoBulkWriteError.prototype, {
      writeErrors: { value: refused },
      result: { value: { getWriteConcernError: () => concern } },
    });
    const collection = { insertMany: () => Promise.reject(error) };
    return insertUnlessThere(collection as unknown as Collection<{ _id: string }>, []);
  };
  const there = { index: 3, code: 11_000 };
  const alsoThere = { index: 1, code: 11_000 };
  const tooLarge = { index: 2, code: 10_334 };
  const notReplicated = { code: 64 };

  it('gives the places of duplicates', async () => {
    expect(await insert([there, alsoThere])).toEqual(new Set([1, 3]));
  });

  it('does not take for written what was refused beside a duplicate, or is not durable', async () => {
    for (const failed of [insert([there, tooLarge]), insert([there], notReplicated), insert([])]) {
      await expect(failed).rejects.toBeInstanceOf(StoreUnavailableError);
    }
  });
});
