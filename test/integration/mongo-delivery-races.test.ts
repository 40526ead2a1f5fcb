import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openMongo, type MongoDatabase } from '../../src/adapters/mongo/database.ts';
import { indexDeliveries } from '../../src/adapters/mongo/delivery-indexes.ts';
import { createMongoDeliveryStore } from '../../src/adapters/mongo/delivery-store.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import {
  aReplayOf,
  claimOf,
  LEASE,
  NOW,
  storeDelivery,
  tryOnce,
  type Stored,
} from '../contracts/delivery-store-harness.ts';
import { aDelivery, aNotification, anOutcome } from '../support/builders.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { describeOn } from '../support/services.ts';

const storeOn = (database: MongoDatabase) => createMongoDeliveryStore({ database });

/** Something happens before each operation of the database; operations are counted from 0. */
function watched(
  database: MongoDatabase,
  happen: (step: number) => Promise<unknown> | undefined,
): MongoDatabase {
  let step = -1;
  return {
    ...database,
    async run(operation) {
      step += 1;
      await happen(step);
      return database.run(operation);
    },
  };
}

/** Dies, or so it looks to the store, before an operation; `meanwhile` comes between. */
function mortal(database: MongoDatabase, at: number, meanwhile?: () => Promise<unknown>) {
  return watched(database, async (step) => {
    if (step < at) return;
    await meanwhile?.();
    throw new Error('died');
  });
}

/** Each operation of a purge, and one that it does not come to. */
const STEPS = Array.from({ length: 9 }, (_, step) => step);
const FIRST_LOOK = 2;
const MARKS = 4;
const REMOVES = 7;

/** A call that stops before one of its operations until it is told to finish. */
function pausable(
  database: MongoDatabase,
  pausedAt: number,
  call: (on: MongoDatabase) => Promise<void>,
) {
  const paused = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  let called: Promise<void> | undefined;

  function start(): Promise<void> {
    called ??= call(
      watched(database, (step) => {
        if (step !== pausedAt) return undefined;
        paused.resolve();
        return resumed.promise;
      }),
    );
    return called;
  }

  return {
    begin: () => Promise.race([start(), paused.promise]),
    finish() {
      resumed.resolve();
      return start();
    },
  };
}

await describeOn('mongodb', 'deliveries in MongoDB', (server) => {
  describe('of several instances', () => {
    let database: MongoDatabase;
    let other: MongoDatabase;
    beforeAll(async () => {
      const options = mongoOptions(withDatabase(server.url), { timeoutMs: 10_000 });
      database = await openMongo(options);
      other = await openMongo(options);
      await indexDeliveries(database);
    });
    afterAll(async () => {
      await database.db.dropDatabase();
      await database.close();
      await other.close();
    });

    const OLD = { notification: { receivedAt: NOW - 1000 } };
    const purge = (on = database) =>
      storeOn(on).purge({ notificationsBefore: NOW, deadLettersBefore: 0, limit: 100 });
    const count = (collection: string, filter: object) =>
      database.db.collection(collection).countDocuments(filter);
    const countsOf = async ({ notification: { id } }: Stored) => [
      await count('notifications', { _id: id }),
      await count('deliveries', { notificationId: id }),
    ];
    async function storeDelivered(): Promise<Stored> {
      const stored = await storeDelivery(storeOn(database), OLD);
      const outcome = anOutcome('delivered', NOW);
      await tryOnce(storeOn(database), stored.delivery.id, { outcome });
      return stored;
    }

    it('lets one of 20 concurrent claims win', async () => {
      const stores = [storeOn(database), storeOn(other)];
      const { delivery } = await storeDelivery(storeOn(database));
      const claims = await Promise.all(
        Array.from({ length: 10 }, () =>
          stores.map((store) => store.claim(delivery.id, 0, LEASE)),
        ).flat(),
      );
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
    });

    describe('whose notification cannot be read after the claim', () => {
      const READS = 1;
      const away = new StoreUnavailableError('mongodb', new Error('away'));
      const claimWithout = (id: string, meanwhile?: () => Promise<unknown>) =>
        storeOn(
          watched(database, async (step) => {
            if (step !== READS) return;
            await meanwhile?.();
            throw away;
          }),
        ).claim(id, 0, LEASE);

      it('gives the claim back, due as it was', async () => {
        const store = storeOn(database);
        const { delivery } = await storeDelivery(store, { sinkId: 'unread', dueAt: NOW - 7 });
        await expect(claimWithout(delivery.id)).rejects.toBe(away);
        expect(await store.due('unread', NOW, 10)).toEqual([
          { id: delivery.id, generation: 2, dueAt: NOW - 7, lapsed: false, attempt: 0 },
        ]);
        expect(await claimOf(store, delivery.id, 2)).toBe(3);
      });

      it('leaves alone what has moved on meanwhile', async () => {
        const store = storeOn(other);
        const { notification, delivery } = await storeDelivery(store);
        const finish = () => store.finish(delivery.id, 1, anOutcome('delivered', NOW));
        await expect(claimWithout(delivery.id, finish)).rejects.toBe(away);
        expect(await store.deliveriesOf(notification.id)).toMatchObject([
          { state: 'delivered', generation: 2 },
        ]);
      });

      it('says why the claim failed when it cannot be given back either', async () => {
        const { notification, delivery } = await storeDelivery(storeOn(database));
        const failing = watched(database, async (step) => {
          if (step >= READS) throw step === READS ? away : new Error('away for longer');
        });
        await expect(storeOn(failing).claim(delivery.id, 0, LEASE)).rejects.toBe(away);
        expect(await storeOn(database).deliveriesOf(notification.id)).toMatchObject([
          { state: 'claimed', generation: 1 },
        ]);
      });
    });

    it('comes further with each try of a large insert that died', async () => {
      const rows = Array.from({ length: 1200 }, () => aNotification({ subscriptionId: 'large' }));
      const deliveries = rows.map((row) => aDelivery(row, { sinkId: 'large' }));
      const dying = storeOn(mortal(database, 1));
      await expect(dying.insertNotifications(rows)).rejects.toThrow('died');
      const written = await count('notifications', { subscriptionId: 'large' });
      expect(written).toBeGreaterThan(0);
      expect(written).toBeLessThan(rows.length);
      const found = await storeOn(database).insertNotifications(rows);
      expect(found.filter((each) => each.found === 'own')).toHaveLength(written);

      const counts = [];
      for (const step of [1, 3, 5]) {
        const store = storeOn(mortal(database, step));
        await expect(store.insertDeliveries(deliveries)).rejects.toThrow('died');
        counts.push(await count('deliveries', { sinkId: 'large' }));
      }
      expect(counts).toEqual([...new Set(counts)].toSorted((a, b) => a - b));
      expect(counts.at(-1)).toBe(rows.length);

      const marking = storeOn(mortal(database, 1)).markExpanded(rows.map(({ id }) => id));
      await expect(marking).rejects.toThrow('died');
      const marked = await count('notifications', { subscriptionId: 'large', expanded: true });
      expect(marked).toBeGreaterThan(0);
      expect(marked).toBeLessThan(rows.length);
    });

    it('finds each of many notifications new once', async () => {
      const rows = Array.from({ length: 300 }, () => aNotification());
      const found = await Promise.all(
        [database, other, database, other].map((on, index) => {
          const theirs = rows.map((row) => ({ ...row, receiptId: `receipt-${index}` }));
          return storeOn(on).insertNotifications(index % 2 === 0 ? theirs : theirs.toReversed());
        }),
      );
      const kinds = found.flat().map((each) => each.found);
      expect(kinds.filter((kind) => kind === 'new')).toHaveLength(rows.length);
      expect(kinds.filter((kind) => kind === 'duplicate')).toHaveLength(3 * rows.length);
    });

    it('shares a purge: each notification goes once', async () => {
      for (let index = 0; index < 20; index += 1) await storeDelivered();
      const purged = await Promise.all([purge(), purge(other), purge(), purge(other)]);
      const again = await purge();
      const gone = [...purged, again].reduce((sum, { notifications }) => sum + notifications, 0);
      expect(gone).toBe(20);
    });

    it('purges in the end all that a purge left that died at any step', async () => {
      for (const step of STEPS) {
        const stored = await storeDelivered();
        const open = await storeDelivery(storeOn(database), OLD);
        const died = await purge(mortal(database, step)).catch(() => 'died');
        expect(died === 'died').toBe(step < STEPS.length - 1);
        await purge();
        expect(await countsOf(stored)).toEqual([0, 0]);
        expect(await countsOf(open)).toEqual([1, 1]);
      }
    });

    it('delivers what is made anew under the id of what a purge that died had removed', async () => {
      let anew = 0;
      for (const step of STEPS) {
        const { notification, delivery } = await storeDelivered();
        await purge(mortal(database, step)).catch(() => undefined);
        const store = storeOn(other);
        const [inserted] = await store.insertNotifications([notification]);
        await store.insertDeliveries([delivery]);
        if (inserted?.found !== 'new') continue;
        anew += 1;
        expect(await claimOf(store, delivery.id)).toBe(1);
      }
      expect(anew).toBeGreaterThan(0);
    });

    it('keeps what it has inserted, wherever insert and purge meet', async () => {
      const ends = { kept: 0, leftOut: 0 };
      for (const pausedAt of [1, 2, 3]) {
        for (const begin of STEPS.slice(FIRST_LOOK)) {
          for (const goOn of STEPS.slice(begin)) {
            const stored = await storeDelivered();
            const replay = aReplayOf(stored.delivery);
            let kept: boolean | undefined;
            const insert = pausable(other, pausedAt, async (on) => {
              await storeOn(on).insertDeliveries([replay]);
              kept = (await count('deliveries', { _id: replay.id })) === 1;
            });
            await purge(
              watched(database, (step) => {
                if (step === goOn) return insert.finish();
                return step === begin ? insert.begin() : undefined;
              }),
            );
            await insert.finish();
            ends[kept === true ? 'kept' : 'leftOut'] += 1;
            const claimed = await storeOn(database).claim(replay.id, 0, LEASE);
            const where = { pausedAt, begin, goOn };
            expect({ ...where, claimed: claimed !== undefined }).toEqual({
              ...where,
              claimed: kept,
            });
            if (kept === false) expect(await countsOf(stored)).toEqual([0, 0]);
          }
        }
      }
      expect(ends.kept).toBeGreaterThan(0);
      expect(ends.leftOut).toBeGreaterThan(0);
    });

    it('keeps what it has inserted from a purge whose mark another one has renewed', async () => {
      const stored = await storeDelivered();
      const replay = aReplayOf(stored.delivery);
      const early = pausable(other, REMOVES, async (on) => void (await purge(on)));
      const late = watched(database, async (step) => {
        if (step === MARKS) {
          await early.begin();
          await storeOn(database).insertDeliveries([replay]);
        }
        if (step === MARKS + 1) await early.finish();
      });
      await purge(late);
      expect(await claimOf(storeOn(database), replay.id)).toBe(1);
    });

    it('removes at its claim a delivery that a purge and a crash left alone', async () => {
      const stored = await storeDelivered();
      const replay = aReplayOf(stored.delivery);
      const died = storeOn(mortal(other, 1, purgeInWhole)).insertDeliveries([replay]);
      await expect(died).rejects.toThrow('died');
      expect(await countsOf(stored)).toEqual([0, 1]);
      expect(await storeOn(database).claim(replay.id, 0, LEASE)).toBeUndefined();
      expect(await countsOf(stored)).toEqual([0, 0]);

      async function purgeInWhole(): Promise<void> {
        // As one that had looked before the insert.
        await database.db.collection('deliveries').deleteMany({ state: 'delivered' });
        await database.db.collection('notifications').deleteMany({ receivedAt: NOW - 1000 });
      }
    });
  });
});
