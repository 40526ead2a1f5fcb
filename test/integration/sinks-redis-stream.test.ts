import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createRedisStreamSinks } from '../../src/adapters/sinks/redis-stream.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { renderCloudEvent } from '../../src/domain/delivery/cloud-event.ts';
import {
  describeNotificationSink,
  eventOf,
  tryOf,
} from '../contracts/notification-sink.contract.ts';
import { TurnedClock } from '../support/clock.ts';
import { describeOn, describeOnProcess } from '../support/services.ts';
import { until } from '../support/wait.ts';
import { TRY_MS, watched } from '../support/webhooks.ts';

const RETRY = { outcome: 'retry', status: null, retryAfterMs: null };

/** As the service connects: fails at once while there is no connection. */
async function connect(url: string, options: { commandTimeout?: number } = {}): Promise<Redis> {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    lazyConnect: true,
    retryStrategy: () => 50,
    ...options,
  });
  redis.on('error', () => undefined);
  await redis.connect();
  return redis;
}

async function entriesOf(redis: Redis, key: string) {
  const entries = await redis.xrange(key, '-', '+');
  return entries.map(([, fields]) => fields);
}

await describeOn('redis', 'redis-stream sink', (server) => {
  describeNotificationSink('redis-stream', async () => {
    const redis = await connect(server.url);
    const organizationId = `test-${randomUUID()}`;
    const key = `sallyport:${organizationId}:events`;
    const open = createRedisStreamSinks({ redis, clock: systemClock });
    return {
      sink: open({ kind: 'redis-stream', organizationId, stream: 'events' }),
      arrived: async () => (await entriesOf(redis, key)).map(([, id = '']) => id),
      confidential: [server.url],
      logged: () => '',
      async close() {
        await redis.del(key);
        redis.disconnect();
      },
    };
  });

  describe('what a stream holds', () => {
    let redis: Redis;
    beforeAll(async () => {
      redis = await connect(server.url);
    });
    afterAll(() => redis.disconnect());

    const target = (organizationId: string, stream = 'events') =>
      ({ kind: 'redis-stream', organizationId, stream }) as const;

    it('is the id, the event as a webhook gets it, and the delivery', async () => {
      const organizationId = `test-${randomUUID()}`;
      const sink = createRedisStreamSinks({ redis, clock: systemClock })(target(organizationId));
      await sink.deliver(eventOf('one'), tryOf('one_sink'));
      expect(await entriesOf(redis, `sallyport:${organizationId}:events`)).toEqual([
        ['id', 'one', 'event', renderCloudEvent(eventOf('one')), 'delivery', 'one_sink'],
      ]);
    });

    it('keeps organisations and streams apart', async () => {
      const [one, other] = [`test-${randomUUID()}`, `test-${randomUUID()}`];
      const open = createRedisStreamSinks({ redis, clock: systemClock });
      await open(target(one)).deliver(eventOf('one'), tryOf('one'));
      await open(target(one, 'more')).deliver(eventOf('more'), tryOf('more'));
      await open(target(other)).deliver(eventOf('other'), tryOf('other'));
      const ids = async (key: string) =>
        (await entriesOf(redis, `sallyport:${key}`)).map(([, id]) => id);
      expect(await ids(`${one}:events`)).toEqual(['one']);
      expect(await ids(`${one}:more`)).toEqual(['more']);
      expect(await ids(`${other}:events`)).toEqual(['other']);
    });

    it('is bounded, and loses the oldest first', async () => {
      const organizationId = `test-${randomUUID()}`;
      const open = createRedisStreamSinks({ redis, clock: systemClock, maxLength: 200 });
      const sink = open(target(organizationId));
      for (let index = 0; index < 1000; index += 1) {
        await sink.deliver(eventOf(`${index}`), tryOf(`${index}`));
      }
      const entries = await entriesOf(redis, `sallyport:${organizationId}:events`);
      expect(entries.length).toBeGreaterThanOrEqual(200);
      expect(entries.length).toBeLessThan(400);
      expect(entries.map(([, id]) => Number(id))).toEqual(
        Array.from({ length: entries.length }, (_, at) => 1000 - entries.length + at),
      );
    });
  });
});

await describeOnProcess('redis', 'redis-stream sink: when Redis fails', (server) => {
  const target = { kind: 'redis-stream', organizationId: 'default', stream: 'events' } as const;
  const KEY = 'sallyport:default:events';
  let redis: Redis;

  beforeEach(async () => {
    redis = await connect(server.url);
    await redis.flushall();
  });
  afterEach(() => redis.disconnect());

  const deliver = (id = 'one', signal?: AbortSignal) =>
    createRedisStreamSinks({ redis, clock: systemClock })(target).deliver(
      eventOf(id),
      tryOf(id, signal),
    );
  const delivers = async () => (await deliver()).outcome === 'delivered';

  it('says at once that it is gone, and goes on when it is back', async () => {
    await server.kill();
    await until(() => redis.status !== 'ready', 'the client notices');
    const { signal } = new AbortController();
    expect(await deliver('one', signal)).toEqual({ ...RETRY, reason: 'connection', body: '' });
    await server.start();
    await until(delivers, 'it is delivered');
  });

  it('gives up what is under way when it is killed', async () => {
    server.signal('SIGSTOP');
    const { answer, hasEnded } = watched(deliver());
    await until(() => redis.status === 'ready', 'the client knows nothing');
    expect(hasEnded()).toBe(false);
    await server.kill();
    expect(await answer).toEqual({ ...RETRY, reason: 'connection', body: '' });
    await server.start();
    await until(delivers, 'it is delivered');
  });

  it('ends after 15 s, not before, when it hangs', async () => {
    const clock = new TurnedClock();
    const sink = createRedisStreamSinks({ redis, clock })(target);
    server.signal('SIGSTOP');
    try {
      const { answer, hasEnded } = watched(sink.deliver(eventOf('one'), tryOf('one')));
      await clock.turn(TRY_MS - 1);
      expect(hasEnded()).toBe(false);
      await clock.turn(1);
      expect(await answer).toEqual({ ...RETRY, reason: 'timeout', body: '' });
    } finally {
      server.signal('SIGCONT');
    }
    await until(delivers, 'it is delivered');
  });

  it('says that it hangs when the client notices first', async () => {
    const hasty = await connect(server.url, { commandTimeout: 1000 });
    const sink = createRedisStreamSinks({ redis: hasty, clock: new TurnedClock() })(target);
    server.signal('SIGSTOP');
    try {
      const answer = await sink.deliver(eventOf('one'), tryOf('one'));
      expect(answer).toEqual({ ...RETRY, reason: 'timeout', body: '' });
    } finally {
      server.signal('SIGCONT');
      hasty.disconnect();
    }
  });

  it('ends at once when it is aborted while Redis hangs', async () => {
    const controller = new AbortController();
    server.signal('SIGSTOP');
    try {
      const answer = deliver('one', controller.signal);
      controller.abort();
      expect(await answer).toEqual({ outcome: 'aborted' });
    } finally {
      server.signal('SIGCONT');
    }
  });

  it.each([
    ['memory is full', ['CONFIG', 'SET', 'maxmemory', '1'], 'redis-oom'],
    ['replicas are missing', ['CONFIG', 'SET', 'min-replicas-to-write', '1'], 'redis-noreplicas'],
    ['it is a replica', ['REPLICAOF', '127.0.0.1', '1'], 'redis-readonly'],
    ['the user may not', ['ACL', 'SETUSER', 'default', '-xadd'], 'redis-noperm'],
  ])('tries again when %s, and goes on afterwards', async (_what, [name = '', ...rest], reason) => {
    await redis.call(name, ...rest);
    const answer = await deliver();
    await redis.call('CONFIG', 'SET', 'maxmemory', '0', 'min-replicas-to-write', '0');
    await redis.call('REPLICAOF', 'NO', 'ONE');
    await redis.call('ACL', 'SETUSER', 'default', '+@all');
    expect(answer).toEqual({ ...RETRY, reason, body: expect.stringMatching(/^[A-Z]+ ./) });
    expect(await delivers()).toBe(true);
  });

  it('is refused for good by a key that is no stream, which it leaves alone', async () => {
    await redis.set(KEY, 'something else');
    expect(await deliver()).toEqual({
      outcome: 'dead',
      reason: 'redis-wrongtype',
      gone: false,
      status: null,
      body: expect.stringContaining('WRONGTYPE'),
    });
    expect(await redis.get(KEY)).toBe('something else');
  });
});
