import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { serverEnv } from '../support/server-env.ts';
import { describeOnServers } from '../support/services.ts';
import { until } from '../support/wait.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { survive, type Fault } from './server-scenario.ts';

jest.setTimeout(120_000);

await describeOnServers('Redis', ({ mongodb, redis }) => {
  let proxy: TcpProxy;
  let gateway: Gateway;
  let admin: Redis;

  beforeAll(async () => {
    proxy = await startTcpProxy(redis.port);
    const urls = { mongodb: mongodb.url, redis: proxy.urlFor(redis.url) };
    gateway = await startGateway({ env: serverEnv(urls) });
    admin = new Redis(redis.url);
    admin.on('error', () => undefined);
  });
  afterAll(async () => {
    await gateway.close();
    admin.disconnect();
    await proxy.close();
  });

  const configured = (name: string, bad: string, good: string): Fault => ({
    begin: () => admin.config('SET', name, bad),
    end: () => admin.config('SET', name, good),
  });

  const FAULTS: Record<string, Fault> = {
    'is killed': { begin: () => redis.kill(), end: () => redis.start() },
    hangs: { begin: () => redis.signal('SIGSTOP'), end: () => redis.signal('SIGCONT') },
    'has no memory left': configured('maxmemory', '1', '0'),
    'has too few replicas': configured('min-replicas-to-write', '1', '0'),
    'is flushed': { begin: () => admin.flushall(), end: () => admin.flushall() },
    'is cut off': { begin: () => proxy.cut(), end: () => proxy.restore() },
    'becomes slow': { begin: () => proxy.slow(400), end: () => proxy.slow(0) },
  };

  const cases = Object.keys(FAULTS).flatMap((what) =>
    [false, true].map((sinkDown) => ({ what, sinkDown, sink: sinkDown ? 'down' : 'up' })),
  );

  it.each(cases)('that $what costs no notification, with the sink $sink', async (one) => {
    const fault = FAULTS[one.what];
    if (fault === undefined) throw new Error('no such fault');
    const answers = await survive(gateway, fault, one);
    // Nothing on the way to an acknowledgement waits for Redis.
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect((await gateway.get('/health/ready')).status).toBe(200);
  });

  it('that stays away lets no receipts gather until there is no room for more', async () => {
    await gateway.untilDelivered();
    await redis.kill();
    try {
      for (let n = 0; n < 20; n += 1) expect((await gateway.post(`gathers-${n}`)).status).toBe(202);
      const backlog = async () => {
        const text = await (await fetch(`${gateway.child.metricsUrl}/metrics`)).text();
        return Number(/^inbox_backlog_receipts (\d+)$/m.exec(text)?.[1]);
      };
      await until(async () => (await backlog()) === 0, 'all are expanded without Redis', 30_000);
      expect(gateway.missing().length).toBeGreaterThan(0); // delivery is what waits for it
    } finally {
      await redis.start();
    }
    await gateway.untilDelivered();
  });
});
