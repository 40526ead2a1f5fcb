import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { operatorOf } from '../cli/command.ts';
import { startReceiver } from '../support/receiver.ts';
import { importSamples, readSample, startService } from '../support/service.ts';
import { describeOn } from '../support/services.ts';
import { until } from '../support/wait.ts';

/** The service with a sink of the kind beside a webhook; gives what the webhook got of one notification. */
async function playThrough(env: Record<string, string>, options: string) {
  const [service, receiver] = [await startService({ env }), await startReceiver()];
  try {
    await importSamples(service);
    const operator = operatorOf(service);
    const added = await operator.json(`sinks add mine ${options}`);
    expect(added).not.toHaveProperty('secret');
    expect(await operator.json('sinks test mine')).toMatchObject({ outcome: 'delivered' });
    await operator.json(`sinks add hook --to ${receiver.url}/`);
    await service.post(readSample('01-message-created.json'));
    const isDelivered = async () => {
      const { body } = await service.api('GET', `/api/sinks/${added.id}`);
      return receiver.received.length === 1 && body.queue.due === 0 && body.queue.claimed === 0;
    };
    await until(isDelivered, 'both are delivered');
    return receiver.received[0]?.body ?? '';
  } finally {
    await service.close();
    await receiver.close();
  }
}

await describeOn('redis', 'a redis-stream of the composed service', (server) => {
  it('holds the test, and then what a webhook got', async () => {
    const stream = randomUUID();
    const env = { SINK_REDIS_URL: server.url };
    const event = await playThrough(env, `--kind redis-stream --stream ${stream}`);
    const redis = new Redis(server.url);
    const entries = await redis.xrange(`sallyport:default:${stream}`, '-', '+');
    redis.disconnect();
    const events = entries.map(([, [, , , text = '']]) => text);
    expect(events).toEqual([expect.stringContaining('Sallyport.Test'), event]);
  });
});

await describeOn('mongodb', 'a mongo-collection of the composed service', (server) => {
  it('holds the test, and then what a webhook got', async () => {
    const database = `test-${randomUUID()}`;
    const url = server.url.replace(/^([^:]+:\/\/[^/?]+)\/?[^?]*/, `$1/${database}`);
    const env = { SINK_MONGODB_URL: url };
    const event = await playThrough(env, '--kind mongo-collection --collection mails');
    const client = await new MongoClient(server.url).connect();
    const db = client.db(database);
    const documents = await db.collection('sink_default_mails').find().sort({ time: 1 }).toArray();
    await db.dropDatabase();
    await client.close();
    expect(documents.map(({ event: text }) => text)).toEqual([
      expect.stringContaining('Sallyport.Test'),
      event,
    ]);
  });
});
