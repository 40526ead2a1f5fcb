import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describeJobQueue } from '../contracts/job-queue.contract.ts';
import { connectTo, openBullmqQueue, removeKeys } from '../support/bullmq-queue.ts';
import { describeOn } from '../support/services.ts';

await describeOn('redis', 'the BullMQ queue', ({ url }) => {
  describeJobQueue('bullmq', async () => {
    const prefix = randomUUID();
    const { queue } = await openBullmqQueue(url, prefix);
    return {
      queue,
      now: () => Date.now(),
      elapse: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
      async close() {
        const redis = connectTo(url);
        void redis.connect();
        await once(redis, 'ready');
        await removeKeys(redis, prefix);
        redis.disconnect();
      },
    };
  });
});
