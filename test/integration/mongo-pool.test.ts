import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { openMongo, type MongoDatabase } from '../../src/adapters/mongo/database.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { describeOnProcess } from '../support/services.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

// For each of the two connections a hundred operations may wait.
const MAX_WAITING = 200;

await describeOnProcess('mongodb', 'a pool of MongoDB that is exhausted', (server) => {
  let proxy: TcpProxy;
  let mongo: MongoDatabase;

  beforeEach(async () => {
    proxy = await startTcpProxy(server.port);
    const url = withDatabase(proxy.urlFor(server.url));
    mongo = await openMongo(
      mongoOptions(url, { maxPoolSize: 2, waitQueueTimeoutMs: 300, timeoutMs: 1000 }),
    );
  });
  afterEach(async () => {
    proxy.goOn();
    await mongo.close();
    await proxy.close();
  });

  const insert = () => mongo.run(() => mongo.db.collection('rows').insertOne({}));

  it('fails fast, keeps no queue without bound, and recovers without a restart', async () => {
    await insert();
    proxy.hang();
    const startedAt = performance.now();
    const endOf = (operation: Promise<unknown>) =>
      operation.then(
        () => ({ error: undefined, ms: performance.now() - startedAt }),
        (error: unknown) => ({ error, ms: performance.now() - startedAt }),
      );
    const waiting = Array.from({ length: MAX_WAITING }, () => endOf(insert()));
    const beyond = await Promise.all(Array.from({ length: 50 }, () => endOf(insert())));
    for (const { error, ms } of beyond) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(ms).toBeLessThan(250);
    }
    const ends = await Promise.all(waiting);
    for (const { error } of ends) expect(error).toBeInstanceOf(StoreUnavailableError);
    // Two hold a connection and end by the limit of an operation, the others by that of the queue.
    const sorted = ends.map(({ ms }) => ms).toSorted((a, b) => a - b);
    expect(sorted[MAX_WAITING - 3]).toBeLessThan(900);
    expect(sorted.at(-1)).toBeLessThan(2000);

    proxy.goOn();
    await expect(insert()).resolves.toBeDefined();
    expect(mongo.connections().active).toBe(0);
  });
});
