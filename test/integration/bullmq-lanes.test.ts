import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import type { Hint } from '../../src/ports/job-queue.ts';
import {
  connectTo,
  hintOf,
  openBullmqQueue,
  removeKeys,
  workDeliveries,
} from '../support/bullmq-queue.ts';
import { describeOn } from '../support/services.ts';
import { until } from '../support/wait.ts';

await describeOn('redis', 'lanes of the BullMQ queue', ({ url }) => {
  let redis: Redis;
  let prefix: string;
  let lane: string;

  beforeEach(async () => {
    prefix = randomUUID();
    lane = randomUUID();
    redis = connectTo(url);
    void redis.connect();
    await once(redis, 'ready');
  });
  afterEach(async () => {
    await removeKeys(redis, prefix);
    redis.disconnect();
  });

  it('hold no more than they may of 5,000 hints, and get all of them done', async () => {
    const { queue } = await openBullmqQueue(url, prefix, { maxPerLane: 500 });
    const rows = new Map<string, Hint>();
    for (let at = 0; at < 5000; at += 1) rows.set(`${at}`, hintOf(lane, { id: `${at}` }));
    // Asked of Redis: what the queue says is reckoned, and may count twice what is just being read.
    const jobs = new Queue(`deliver-${lane}`, { connection: redis, prefix });
    let most = 0;
    workDeliveries(queue, {
      async handle({ id }) {
        rows.delete(id);
        return undefined;
      },
      drained: () => queue.hint([...rows.values()].slice(0, 501)),
    });
    queue.hint([...rows.values()]);
    expect(queue.size('deliver', lane)).toBe(500);
    const isWorked = async () => {
      const counts = await jobs.getJobCounts('wait', 'delayed', 'active');
      most = Math.max(
        most,
        Object.values(counts).reduce((sum, count) => sum + count, 0),
      );
      return rows.size === 0;
    };
    await until(isWorked, 'all rows are worked', 50_000);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(500);
    await queue.close();
  });

  it('drop what is due in more than 60 s', async () => {
    const { queue } = await openBullmqQueue(url, prefix);
    const now = Date.now();
    queue.hint([hintOf(lane, { dueAt: now + 62_000 }), hintOf(lane, { dueAt: now + 50_000 })]);
    expect(queue.size('deliver', lane)).toBe(1);
    await until(() => queue.counts().deliver.delayed === 1, 'one delayed hint');
    await queue.close();
  });

  it('may have any name, and their hints any id', async () => {
    const { queue } = await openBullmqQueue(url, prefix);
    const worked: Hint[] = [];
    workDeliveries(queue, {
      async handle(hint) {
        worked.push(hint);
        return undefined;
      },
    });
    const odd = ['a:b', 'a%003ab', '{a} b', 'ä\ud800'];
    const hints = odd.flatMap((name) => odd.map((id) => hintOf(name, { id })));
    queue.hint(hints);
    await until(() => worked.length === hints.length, 'all hints');
    expect(new Set(worked)).toEqual(new Set(hints));
    await queue.close();
  });

  it('remove a job that is no hint, and go on', async () => {
    const { queue, warnings } = await openBullmqQueue(url, prefix);
    const foreign = new Queue(`deliver-${lane}`, { connection: redis, prefix });
    await foreign.add('deliver', { id: 7 });
    const worked: string[] = [];
    workDeliveries(queue, {
      async handle({ id }) {
        worked.push(id);
        return undefined;
      },
    });
    const hint = hintOf(lane);
    queue.hint([hint]);
    await until(() => worked.includes(hint.id), 'the hint');
    await until(async () => (await foreign.getJobCountByTypes()) === 0, 'an empty queue');
    await until(() => warnings.length > 0, 'a warning');
    expect(warnings).toHaveLength(1);
    await foreign.close();
    await queue.close();
  });

  it('leave nothing in Redis when nobody has used them for a while, and begin anew', async () => {
    let passedMs = 0;
    const clock = { ...systemClock, now: () => Date.now() + passedMs };
    const { queue } = await openBullmqQueue(url, prefix, { clock });
    const worked: string[] = [];
    workDeliveries(queue, {
      async handle({ id }) {
        worked.push(id);
        return undefined;
      },
    });
    const works = async () => {
      const hint = hintOf(lane);
      queue.hint([hint]);
      await until(() => worked.includes(hint.id), 'the hint');
      await until(async () => (await redis.exists(`${prefix}:lanes`)) === 1, 'a lane that is told');
    };
    await works();
    passedMs = 301_000;
    await until(async () => (await redis.keys(`${prefix}:*`)).length === 0, 'no keys');
    await works();
    await queue.close();
  });

  it('keep few events again when Redis has forgotten everything', async () => {
    const { queue } = await openBullmqQueue(url, prefix);
    let worked = 0;
    workDeliveries(queue, {
      async handle() {
        worked += 1;
        return undefined;
      },
    });
    queue.hint([hintOf(lane)]);
    await until(() => worked === 1, 'the hint');
    await removeKeys(redis, prefix);
    const meta = `${prefix}:deliver-${lane}:meta`;
    const bound = () => redis.hget(meta, 'opts.maxLenEvents');
    await until(async () => (await bound()) === '100', 'the bound of the events');
    queue.hint(Array.from({ length: 1000 }, () => hintOf(lane)));
    await until(() => worked === 1001, 'the hints');
    // Redis trims a stream by whole nodes.
    expect(await redis.xlen(`${prefix}:deliver-${lane}:events`)).toBeLessThan(400);
    await queue.close();
  });
});
