import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { openMongo } from '../../src/adapters/mongo/database.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { Secret } from '../../src/domain/secret.ts';
import { describeOn } from '../support/services.ts';

await describeOn('mongodb', 'mongo database', (server) => {
  it('runs', async () => {
    const mongo = await openMongo({
      url: new Secret(server.url),
      maxPoolSize: 20,
      waitQueueTimeoutMs: 2000,
      connectTimeoutMs: 2000,
      selectionTimeoutMs: 5000,
      timeoutMs: 5000,
      clock: systemClock,
    });
    await mongo.run(() => mongo.db.collection<{ _id: string }>('a').insertOne({ _id: 'x' }));
    expect(await mongo.run(() => mongo.db.collection('a').countDocuments())).toBe(1);
    expect(mongo.connections().active).toBe(0);
    expect(mongo.db.databaseName).toBe('sallyport');
    await mongo.close();
  });
});
await describeOn('redis', 'redis', (server) => {
  it('runs', async () => {
    const redis = new Redis(server.url);
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
  });
});
