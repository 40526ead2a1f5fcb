import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { openMongo, type MongoDatabase } from '../../src/adapters/mongo/database.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { describeOnProcess } from '../support/services.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';

// For each of the two connections a hundred operations may wait.
const MAX_WAITING = 200;
// Far enough apart for a busy machine.
const QUEUE_MS = 1000;
const OPERATION_MS = 4000;

await describeOnProcess('mongodb', 'a pool of MongoDB that is exhausted', (server) => {
  let proxy: TcpProxy;
  let mongo: MongoDatabase;

  beforeEach(async () => {
    proxy = await startTcpProxy(server.port);
    const url = withDatabase(proxy.urlFor(server.url));
    mongo = await openMongo(
      mongoOptions(url, {
        maxPoolSize: 2,
        waitQueueTimeoutMs: QUEUE_MS,
        timeoutMs: OPERATION_MS,
      }),
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
    let ended = 0;
    const waiting = Array.from({ length: MAX_WAITING }, () =>
      endOf(insert()).finally(() => {
        ended += 1;
      }),
    );
    const beyond = await Promise.all(Array.from({ length: 50 }, () => endOf(insert())));
    // Before any of those that wait.
    expect(ended).toBe(0);
    for (const { error } of beyond) expect(error).toBeInstanceOf(StoreUnavailableError);
    const ends = await Promise.all(waiting);
    for (const { error } of ends) expect(error).toBeInstanceOf(StoreUnavailableError);
    // Two hold a connection and end by the limit of an operation, the others by that of the queue.
    const sorted = ends.map(({ ms }) => ms).toSorted((a, b) => a - b);
    expect(sorted[MAX_WAITING - 3]).toBeLessThan(OPERATION_MS - 100);
    expect(sorted.at(-1)).toBeLessThan(2 * OPERATION_MS);

    proxy.goOn();
    const isDone = () =>
      insert().then(
        () => true,
        () => false,
      );
    await until(isDone, 'it takes inserts again');
    await until(() => mongo.connections().active === 0, 'no connection is in use');
  });
});
