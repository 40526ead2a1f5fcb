import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openMongo, type MongoOptions } from '../../src/adapters/mongo/database.ts';
import { openMongoStore, type MongoStore } from '../../src/adapters/mongo/store.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { describeReplayRepository } from '../contracts/replay-repository.contract.ts';
import { describeSealedValues } from '../contracts/sealed-values.contract.ts';
import { describeSinkRepository } from '../contracts/sink-repository.contract.ts';
import { describeSubscriptionRepository } from '../contracts/subscription-repository.contract.ts';
import { anAuditEntry, aSink, aSubscription } from '../support/builders.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { describeOn, describeOnProcess } from '../support/services.ts';
import { silentLog } from '../support/silent-log.ts';
import { until } from '../support/wait.ts';

interface TestStore extends MongoStore {
  reopen(): Promise<TestStore>;
}

// The contracts are about answers; some ask for much at once, on a machine that may be busy.
const PATIENT = { timeoutMs: 10_000, waitQueueTimeoutMs: 10_000 };

const openStore = (url: string, changes: Partial<MongoOptions> = PATIENT) =>
  openMongoStore({ ...mongoOptions(url, changes), log: silentLog });

/** Works on the database itself, beside the service. */
async function inDatabase(
  url: string,
  work: (db: Awaited<ReturnType<typeof openMongo>>['db']) => Promise<unknown>,
) {
  const database = await openMongo(mongoOptions(url));
  try {
    await work(database.db);
  } finally {
    await database.close();
  }
}

const at0 = (run: () => void) => systemClock.after(0, run);

const drop = (url: string) => inDatabase(url, (db) => db.dropDatabase());

async function openTestStore(url: string): Promise<TestStore> {
  const store = await openStore(url);
  return {
    ...store,
    async reopen() {
      await store.close();
      return openTestStore(url);
    },
    async close() {
      await store.close();
      await drop(url);
    },
  };
}

const asHarness = (store: TestStore) => ({
  ...store,
  reopen: async () => asHarness(await store.reopen()),
});

await describeOn('mongodb', 'the store in MongoDB', (server) => {
  const open = async () => asHarness(await openTestStore(withDatabase(server.url)));

  describeSubscriptionRepository('mongo', open);
  describeSinkRepository('mongo', open);
  describeReplayRepository('mongo', open);
  describeSealedValues('mongo', open);

  describe('opened', () => {
    let url: string;
    beforeEach(() => {
      url = withDatabase(server.url);
    });
    afterEach(() => drop(url));

    const writeSchema = (schema: { version: number; readableFrom: number }) =>
      inDatabase(url, (db) =>
        db.collection<{ _id: string }>('meta').insertOne({ _id: 'schema', ...schema }),
      );
    const expectSchema = (schema: object) =>
      inDatabase(url, async (db) => {
        const meta = db.collection<{ _id: string }>('meta');
        expect(await meta.findOne({ _id: 'schema' })).toEqual({ _id: 'schema', ...schema });
      });

    it('is one store for instances that start at once', async () => {
      const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(url)));
      const [sink, subscription] = [aSink(), aSubscription()];
      const added = await Promise.all(
        stores.map(({ subscriptions }) => subscriptions.insert(subscription)),
      );
      const first = await Promise.all(stores.map(({ sinks }) => sinks.insertFirst(aSink())));
      expect([added, first].map((won) => won.filter(Boolean).length)).toEqual([1, 1]);
      await stores[0]?.sinks.insert(sink);
      for (const { sinks } of stores) expect(await sinks.all()).toContainEqual(sink);
      await expectSchema({ version: 1, readableFrom: 1 });
      await Promise.all(stores.map((store) => store.close()));
    });

    it('keeps ids of subscriptions unique by an index, whoever writes', async () => {
      const store = await openStore(url);
      const subscription = aSubscription();
      await store.subscriptions.insert(subscription);
      const second = inDatabase(url, (db) =>
        db.collection('subscriptions').insertOne(subscription),
      );
      await expect(second).rejects.toMatchObject({ code: 11_000 });
      await store.close();
    });

    it('refuses a database of a newer version in words that say what to do', async () => {
      const newer = { version: 12, readableFrom: 11 };
      await writeSchema(newer);
      await expect(openStore(url)).rejects.toThrow(
        /^the database test-\S+ was written by a newer Sallyport \(schema 12, readable from 11; this one knows 1\): start that version, or restore a backup$/,
      );
      await inDatabase(url, async (db) => {
        const names = (await db.listCollections().toArray()).map(({ name }) => name);
        expect(names).toEqual(['meta']);
      });
      await expectSchema(newer);
    });

    it('works beside a newer version that it can read after, and leaves its mark', async () => {
      const newer = { version: 12, readableFrom: 1 };
      await writeSchema(newer);
      const store = await openStore(url);
      await store.sinks.insert(aSink());
      await store.close();
      await expectSchema(newer);
    });

    it('reads documents to which a newer version has added fields', async () => {
      const store = await openStore(url);
      const sink = aSink();
      await store.sinks.insert(sink);
      await inDatabase(url, (db) =>
        db.collection('sinks').updateOne({ id: sink.id }, { $set: { later: 1 } }),
      );
      expect(await store.sinks.find('default', sink.id)).toStrictEqual(sink);
      await store.close();
    });

    it('does not keep a field of a filter that is there but undefined', async () => {
      const store = await openStore(url);
      const sink = aSink({ filter: { tenantId: undefined, changeType: ['created'] } });
      await store.sinks.insert(sink);
      const filter = { resource: undefined, lifecycle: 'only' } as const;
      const changed = await store.sinks.update('default', sink.id, { filter }, sink.updatedAt);
      expect(changed?.filter).toStrictEqual({ lifecycle: 'only' });
      await store.close();
    });

    it('inserts no first sink where the first one is removed for good', async () => {
      const store = await openStore(url);
      const sink = aSink();
      const { id, organizationId } = sink;
      expect(await store.sinks.insertFirst(sink)).toBe(true);
      await store.sinks.softDelete(organizationId, id, 1);
      const removals = Array.from({ length: 5 }, () =>
        store.sinks.permanentlyDelete(organizationId, id),
      );
      expect((await Promise.all(removals)).filter(Boolean)).toHaveLength(1);
      expect(await store.sinks.insertFirst(aSink())).toBe(false);
      await store.sinks.insert(aSink({ id }));
      expect(await store.sinks.all()).toMatchObject([{ id }]);
      await store.close();
    });

    it('names the server when it stops answering while the store is being opened', async () => {
      const impatient = {
        ...systemClock,
        // Of each operation; connecting may take longer.
        after: (ms: number, run: () => void) =>
          ms === 2000 ? at0(run) : systemClock.after(ms, run),
      };
      const options = mongoOptions(url, { clock: impatient });
      await expect(openMongoStore({ ...options, log: silentLog })).rejects.toThrow(
        /^MongoDB at \S+:\d+ does not answer: no answer within 2000 ms; check MONGODB_URL$/,
      );
    });

    it('writes what was called before it was closed', async () => {
      const store = await openStore(url);
      const recorded = Array.from({ length: 50 }, () => store.audit.record(anAuditEntry()));
      await store.close();
      expect(new Set(await Promise.all(recorded))).toEqual(new Set([true]));
    });

    it('tells its connections', async () => {
      const store = await openStore(url);
      await Promise.all(Array.from({ length: 5 }, () => store.sinks.all()));
      await until(() => store.connections().active === 0, 'none is in use');
      expect(store.connections().idle).toBeGreaterThan(0);
      await store.close();
    });
  });
});

await describeOnProcess('mongodb', 'the store in a MongoDB that fails', (server) => {
  let store: MongoStore;
  beforeEach(async () => {
    store = await openStore(withDatabase(server.url), {});
  });
  afterEach(() => store.close());

  const isHealthy = async () => {
    const { status } = await store.probe.check(AbortSignal.timeout(300));
    return status === 'healthy';
  };

  it('is told by its probe', async () => {
    expect(store.probe).toMatchObject({ name: 'mongodb', critical: true });
    const { signal } = new AbortController();
    expect(await store.probe.check(signal)).toEqual({
      status: 'healthy',
      latencyMs: expect.any(Number),
    });
    const aborted = await store.probe.check(AbortSignal.abort());
    expect(aborted).toMatchObject({ status: 'unhealthy', detail: 'MongoDB does not answer' });
  });

  it('is unhealthy while the server hangs, and healthy after', async () => {
    server.signal('SIGSTOP');
    await until(async () => !(await isHealthy()), 'it hangs');
    let writeEnded = false;
    const write = store.sinks
      .insert(aSink())
      .catch((error: unknown) => error)
      .finally(() => {
        writeEnded = true;
      });
    const checks = await Promise.all(Array.from({ length: 30 }, isHealthy));
    const waitedForIt = writeEnded;
    const refusal = await write;
    server.signal('SIGCONT');
    expect(new Set(checks)).toEqual(new Set([false]));
    // The checks end by their own limit of 300 ms, before the 2 s of an operation.
    expect(waitedForIt).toBe(false);
    expect(refusal).toBeInstanceOf(StoreUnavailableError);
    await until(isHealthy, 'the probe is healthy again');
    await store.sinks.insert(aSink());
  });

  it('is unhealthy without the server, and healthy when it is back on what it kept', async () => {
    const sink = aSink();
    await store.sinks.insert(sink);
    await server.kill();
    expect(await isHealthy()).toBe(false);
    await expect(store.sinks.all()).rejects.toBeInstanceOf(StoreUnavailableError);
    await server.start();
    await until(isHealthy, 'the probe is healthy again');
    expect(await store.sinks.all()).toEqual([sink]);
  });

  it('ends without waiting for a server that hangs', async () => {
    server.signal('SIGSTOP');
    await until(async () => !(await isHealthy()), 'it hangs');
    const asked = store.sinks.all().catch((error: unknown) => error);
    const startedAt = performance.now();
    await store.close();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(await asked).toBeInstanceOf(StoreUnavailableError);
    server.signal('SIGCONT');
  });
});
