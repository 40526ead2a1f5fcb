import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  connectTo,
  hintOf,
  openBullmqQueue,
  removeKeys,
  workDeliveries,
} from '../support/bullmq-queue.ts';
import { describeOn } from '../support/services.ts';
import { until } from '../support/wait.ts';

type Instance = Awaited<ReturnType<typeof openBullmqQueue>>;

await describeOn('redis', 'two instances of the BullMQ queue', ({ url }) => {
  let prefix: string;
  let lane: string;
  let instances: [Instance, Instance];

  beforeEach(async () => {
    prefix = randomUUID();
    lane = randomUUID();
    instances = [await openBullmqQueue(url, prefix), await openBullmqQueue(url, prefix)];
  });
  afterEach(async () => {
    for (const { queue } of instances) await queue.close();
    const redis = connectTo(url);
    void redis.connect();
    await once(redis, 'ready');
    await removeKeys(redis, prefix);
    redis.disconnect();
  });

  it('both work the hints of one lane, and lose none', async () => {
    const worked = new Set<string>();
    const byInstance: [number, number] = [0, 0];
    for (const at of [0, 1] as const) {
      workDeliveries(instances[at].queue, {
        async handle({ id }) {
          worked.add(id);
          byInstance[at] += 1;
          await new Promise((resolve) => void setTimeout(resolve, 100));
          return undefined;
        },
      });
    }
    const hints = Array.from({ length: 2000 }, () => hintOf(lane));
    instances[0].queue.hint(hints);
    await until(() => worked.size === hints.length, 'all hints', 30_000);
    // At least once is what is promised: a process that pauses for longer than a lock has some done
    // again. But they share the work, and do not each do all of it.
    expect(byInstance[0] + byInstance[1]).toBeLessThan(1.5 * hints.length);
    expect(Math.min(...byInstance)).toBeGreaterThan(200);
  });

  it('takes over what an instance had that disappeared, within 20 s', async () => {
    const [gone, left] = instances;
    const begun = new Set<string>();
    workDeliveries(gone.queue, {
      async handle({ id }) {
        begun.add(id);
        return await new Promise(() => undefined);
      },
    });
    const delayed = hintOf(lane, { dueAt: Date.now() + 3000 });
    const hints = [...Array.from({ length: 50 }, () => hintOf(lane)), delayed];
    gone.queue.hint(hints);
    await until(() => begun.size === 20, 'calls');
    gone.vanish();
    const worked = new Set<string>();
    workDeliveries(left.queue, {
      async handle({ id }) {
        worked.add(id);
        return undefined;
      },
    });
    // A sweep of the one that is left hints at the same rows, whose jobs are stuck until then.
    left.queue.hint(hints);
    await until(() => worked.size === hints.length, 'all hints, also those that ran');
    await until(() => left.queue.size('deliver', lane) === 0, 'an empty lane');
    instances = [left, left];
  });
});
