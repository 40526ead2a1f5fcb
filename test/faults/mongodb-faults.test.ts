import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { serverEnv } from '../support/server-env.ts';
import { describeOnServers } from '../support/services.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { survive, type Fault } from './server-scenario.ts';

jest.setTimeout(120_000);

await describeOnServers('MongoDB', ({ mongodb, redis }) => {
  let proxy: TcpProxy;
  let gateway: Gateway;

  beforeAll(async () => {
    proxy = await startTcpProxy(mongodb.port);
    const urls = { mongodb: proxy.urlFor(mongodb.url), redis: redis.url };
    gateway = await startGateway({ env: serverEnv(urls) });
  });
  afterAll(async () => {
    await gateway.close();
    await proxy.close();
  });

  const notReady = () =>
    until(
      async () => (await gateway.get('/health/ready')).status === 503,
      'it is told that it is not ready',
      6000,
    );

  const FAULTS: Record<string, Fault> = {
    'is killed': {
      begin: () => mongodb.kill().then(notReady),
      end: () => mongodb.start(),
    },
    hangs: {
      begin() {
        mongodb.signal('SIGSTOP');
        return notReady();
      },
      end: () => mongodb.signal('SIGCONT'),
    },
    'is cut off': {
      begin: () => proxy.cut().then(notReady),
      end: () => proxy.restore(),
    },
    'becomes slow': { begin: () => proxy.slow(3000), end: () => proxy.slow(0) },
  };

  const cases = Object.keys(FAULTS).flatMap((what) =>
    [false, true].map((sinkDown) => ({ what, sinkDown, sink: sinkDown ? 'down' : 'up' })),
  );

  it.each(cases)('that $what costs no notification, with the sink $sink', async (one) => {
    const fault = FAULTS[one.what];
    if (fault === undefined) throw new Error('no such fault');
    const answers = await survive(gateway, fault, one);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 503]));
    for (const { status, retryAfter } of answers) {
      if (status === 503) expect(retryAfter).toBeGreaterThanOrEqual(1);
    }
    await until(
      async () => (await gateway.get('/health/ready')).status === 200,
      'it is ready again, without a restart',
    );
  });
});
