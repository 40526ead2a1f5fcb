import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { serverEnv } from '../support/server-env.ts';
import { describeOnServers } from '../support/services.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { arrivals, post, startLoad } from './load.ts';
import { until } from '../support/wait.ts';

jest.setTimeout(120_000);

await describeOnServers('two instances', (servers) => {
  const folder = temporaryFolder();
  let env: Record<string, string>;
  let first: Gateway;
  let second: ChildService;

  beforeAll(() => {
    env = serverEnv({ mongodb: servers.mongodb.url, redis: servers.redis.url });
  });
  beforeEach(async () => {
    first ??= await startGateway({ env });
    second = await startChild({ env, dataDir: folder.path });
  });
  afterEach(() => second.end('SIGKILL'));
  afterAll(async () => {
    await first.close();
    folder.remove();
  });

  const arrived = () => arrivals(first.receiver.received.map(({ body }) => body));

  it('lose nothing of what either has acknowledged when one is killed under load', async () => {
    const loads = [first.child.url, second.url].map((url) =>
      startLoad({ url: () => url, connections: 4, batch: 3, prefix: `${url.slice(-5)}-` }),
    );
    const acknowledged = () => loads.flatMap((load) => [...load.acknowledged]);
    await until(() => loads.every((load) => load.acknowledged.size > 60), 'both acknowledge');
    await second.end('SIGKILL');
    const atDeath = acknowledged().length;
    await until(() => acknowledged().length > atDeath + 60, 'the other one goes on');
    await Promise.all(loads.map((load) => load.stop()));

    const missing = () => acknowledged().filter((id) => !arrived().has(id));
    // What the dead one had claimed is free when its leases of 15 s are over.
    await until(() => missing().length === 0, 'all that was acknowledged arrives', 45_000);
    const duplicates = [...arrived().values()].reduce((sum, count) => sum + count - 1, 0);
    const figures = { acknowledged: acknowledged().length, lost: missing().length, duplicates };
    process.stdout.write(`one of two instances killed: ${JSON.stringify(figures)}\n`);
    expect(acknowledged().length).toBeGreaterThan(120);
  });

  it('count one limit together, to the last request', async () => {
    const urls = [first.child.url, second.url];
    const answers = await Promise.all(
      Array.from({ length: 130 }, (_, at) => fetch(`${urls[at % 2]}/api/sinks`)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
    const limits = answers.map(({ headers }) => headers.get('x-ratelimit-limit'));
    expect(new Set(limits)).toEqual(new Set(['100']));
  });

  it('know within 5 s what was changed at the other: a sink that is shut gets nothing', async () => {
    const { body } = await first.api('GET', '/api/sinks');
    const { id } = body.data.find(({ kind }: { kind: string }) => kind === 'webhook');
    await first.api('PATCH', `/api/sinks/${id}`, { enabled: false });
    await sleep(5500);
    const before = first.receiver.received.length;
    const ids = Array.from({ length: 10 }, (_, at) => `shut-${at}`);
    for (const [at, one] of ids.entries()) {
      expect(await post(at % 2 === 0 ? first.child.url : second.url, [one])).toBe(true);
    }
    await sleep(1000);
    expect(first.receiver.received).toHaveLength(before);
    await first.api('PATCH', `/api/sinks/${id}`, { enabled: true });
    await until(() => ids.every((one) => arrived().has(one)), 'they arrive', 20_000);
  });
});
