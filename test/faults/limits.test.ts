import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { serverEnv } from '../support/server-env.ts';
import { askApi, OPERATOR_KEY } from '../support/service.ts';
import { describeOnServers } from '../support/services.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';
import { askedDuring } from './asked-during.ts';
import type { Fault } from './server-scenario.ts';
import { undisturbed } from './undisturbed.ts';

const CLIENTS = 40;
// Odd, so that halves are rounded.
const MAX = 31;
const SHARE = 16;
const API_MAX = 61;
const STRICT_MAX = 5;
const LIMITS = {
  INSTANCES: '2',
  TRUSTED_PROXIES: '127.0.0.1/32',
  RATE_LIMIT_MAX: `${MAX}`,
  RATE_LIMIT_API_MAX: `${API_MAX}`,
  STRICT_RATE_LIMIT_MAX: `${STRICT_MAX}`,
  // No window ends while its requests are counted.
  RATE_LIMIT_API_WINDOW_MS: '600000',
  STRICT_RATE_LIMIT_WINDOW_MS: '600000',
};

const ANSWER_MS = 2000;
const BACK_MS = 10_000;
const FAULT_MS = 2000;
const BETWEEN_REQUESTS_MS = 20;

let clients = 0;

/** An address that nothing was counted for yet. */
function newClient(): string {
  clients += 1;
  return `198.51.100.${clients}`;
}

await describeOnServers('limits of two instances', ({ mongodb, redis }) => {
  const folders = [temporaryFolder(), temporaryFolder()];
  let proxy: TcpProxy;
  let admin: Redis;
  let instances: ChildService[];
  let sinkId: string;

  beforeAll(async () => {
    proxy = await startTcpProxy(redis.port);
    const urls = { mongodb: mongodb.url, redis: proxy.urlFor(redis.url) };
    const env = { ...serverEnv(urls), ...LIMITS };
    admin = new Redis(redis.url);
    admin.on('error', () => undefined);
    instances = [];
    for (const { path } of folders) instances.push(await startChild({ env, dataDir: path }));
    const sink = { name: 'rotated', kind: 'webhook', url: 'http://192.0.2.1/' };
    const { body } = await askApi(urlOf(0), { method: 'POST', path: '/api/sinks', body: sink });
    sinkId = body.id;
    // The first requests of a process take long enough to be counted by it alone.
    for (let n = 0; n < 4; n += 1) await inParallel(CLIENTS, () => asStranger(newClient(), n));
  });
  // The operator is one client in every case.
  beforeEach(() => admin.flushall());
  afterAll(async () => {
    await Promise.all(instances.map((instance) => instance.end('SIGKILL')));
    admin.disconnect();
    await proxy.close();
    for (const folder of folders) folder.remove();
  });

  /** Of the instances in turn. */
  const urlOf = (n: number) => instances[n % instances.length]?.url ?? '';

  const asStranger = (address: string, n: number) =>
    fetch(`${urlOf(n)}/api/sinks`, { headers: { 'X-Forwarded-For': address } });

  const asOperator = (n: number, path = '/api/sinks', method = 'GET') =>
    fetch(urlOf(n) + path, { method, headers: { 'X-API-Key': OPERATOR_KEY } });

  async function degraded(): Promise<readonly (string | undefined)[]> {
    const texts = instances.map(async ({ metricsUrl }) =>
      (await fetch(`${metricsUrl}/metrics`)).text(),
    );
    return (await Promise.all(texts)).map((text) => /^rate_store_degraded (\d)$/m.exec(text)?.[1]);
  }

  const areAll = async (state: '0' | '1') => (await degraded()).every((one) => one === state);

  it.each<[string, number, readonly number[], (n: number) => Promise<Response>]>([
    ['strangers of one address', MAX, [401], (n) => asStranger('192.0.2.1', n)],
    // Each request from another host.
    ['strangers of one /64', MAX, [401], (n) => asStranger(`2001:db8:1:2::${n.toString(16)}`, n)],
    ['the operator', API_MAX, [200], asOperator],
    // Of several changes of one secret at once one is made.
    [
      'changes of secrets',
      STRICT_MAX,
      [200, 409],
      (n) => asOperator(n, `/api/sinks/${sinkId}/rotate-secret`, 'POST'),
    ],
  ])('let exactly as many through as one would: %s', async (_what, max, passed, ask) => {
    const statuses = await counted(() => inParallel(3 * CLIENTS, ask));
    expect([...passed, 429]).toEqual(expect.arrayContaining([...new Set(statuses)]));
    expect(statuses.filter((status) => status !== 429)).toHaveLength(max);
    expect(await degraded()).toEqual(['0', '0']);
  });

  /** What Redis has counted, all of it. */
  function counted<T>(work: () => Promise<T>): Promise<T> {
    const metricsUrls = instances.map(({ metricsUrl }) => metricsUrl);
    return undisturbed(metricsUrls, work, async () => {
      await until(() => areAll('0'), 'they count together again', 2 * BACK_MS);
      await admin.flushall();
    });
  }

  /** What both together let through of a client that is new to them. */
  async function letThroughTogether(): Promise<number> {
    const statuses = await counted(() => {
      const address = newClient();
      return inParallel(2 * CLIENTS, (n) => asStranger(address, n));
    });
    return statuses.filter((status) => status !== 429).length;
  }

  /** The same of each alone. */
  async function letThroughByEach(): Promise<readonly number[]> {
    const address = newClient();
    const all = instances.map((_instance, at) =>
      inParallel(CLIENTS, () => asStranger(address, at)),
    );
    return (await Promise.all(all)).map(
      (statuses) => statuses.filter((status) => status !== 429).length,
    );
  }

  const FAULTS: Record<string, Fault> = {
    'is stopped': { begin: () => redis.kill(), end: () => redis.start() },
    hangs: { begin: () => redis.signal('SIGSTOP'), end: () => redis.signal('SIGCONT') },
    'refuses connections': { begin: () => proxy.cut(), end: () => proxy.restore() },
    'is cut off without a word': { begin: () => proxy.hang(), end: () => proxy.goOn() },
    'has no memory left': {
      begin: () => admin.config('SET', 'maxmemory', '1'),
      end: () => admin.config('SET', 'maxmemory', '0'),
    },
  };

  it.each(Object.entries(FAULTS))('hold while Redis %s', async (_what, fault) => {
    const client = newClient();
    let byEach: readonly number[] = [];
    let backMs = Infinity;
    const answers = await loadDuring(
      (n) => (n % 4 < 2 ? asStranger(client, n) : asOperator(n)),
      async () => {
        await sleep(300);
        try {
          await fault.begin();
          await until(() => areAll('1'), 'each counts for itself');
          byEach = await letThroughByEach();
          await sleep(FAULT_MS);
          expect(await degraded()).toEqual(['1', '1']);
        } finally {
          await fault.end();
        }
        const endedAt = performance.now();
        await until(() => areAll('0'), 'they count together again', 2 * BACK_MS);
        backMs = performance.now() - endedAt;
      },
    );

    expect(byEach).toEqual([SHARE, SHARE]);
    expect(backMs).toBeLessThan(BACK_MS);
    expect(await letThroughTogether()).toBe(MAX);
    expectAnswered(answers);
    // At the worst all of it before, a share of each meanwhile, all of it again of an empty Redis.
    const passed = answers.filter(({ status }) => status === 401);
    expect(passed.length).toBeLessThanOrEqual(2 * MAX + 2 * SHARE);
  });

  it('begin anew, and no more, when Redis is flushed', async () => {
    const answers = await counted(flushedUnderLoad);
    expectAnswered(answers);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(2 * MAX);
    expect(await degraded()).toEqual(['0', '0']);
    expect(await letThroughTogether()).toBe(MAX);
  });

  /** What was answered to a client that is refused, forgotten, and refused again. */
  function flushedUnderLoad(): Promise<readonly Timed[]> {
    const client = newClient();
    let passed = 0;
    let refused = 0;
    async function asCounted(n: number): Promise<Response> {
      const answer = await asStranger(client, n);
      if (answer.status === 401) passed += 1;
      else refused += 1;
      return answer;
    }
    return loadDuring(
      (n) => (n % 4 < 2 ? asCounted(n) : asOperator(n)),
      async () => {
        await sleep(FAULT_MS);
        await until(() => passed >= MAX && refused > 0, 'the limit is reached');
        await admin.flushall();
        await sleep(FAULT_MS);
        await until(() => passed >= 2 * MAX, 'it is reached again');
        const before = refused;
        await until(() => refused > before + SHARE, 'more were asked, and refused');
      },
    );
  }
});

interface Timed {
  readonly status: number;
  /** Without the longest pause of this process, in which the service has no part. */
  readonly ms: number;
}

/** As many clients as there are, each asking again once it is answered. */
async function inParallel(
  count: number,
  ask: (n: number) => Promise<Response>,
): Promise<readonly number[]> {
  const statuses: number[] = [];
  let asked = 0;
  async function client(): Promise<void> {
    while (asked < count) {
      asked += 1;
      const answer = await ask(asked);
      await answer.arrayBuffer();
      statuses.push(answer.status);
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return statuses;
}

/** Asks at a rate while the work goes on, whatever is answered. */
async function loadDuring(
  ask: (n: number) => Promise<Response>,
  work: () => Promise<void>,
): Promise<readonly Timed[]> {
  const { answers, lagMs } = await askedDuring(
    { everyMs: BETWEEN_REQUESTS_MS, ask: (count) => timed(() => ask(count)) },
    work,
  );
  return answers.map(({ status, ms }) => ({ status, ms: ms - lagMs }));
}

async function timed(ask: () => Promise<Response>): Promise<Timed> {
  const startedAt = performance.now();
  const answer = await ask();
  await answer.arrayBuffer();
  return { status: answer.status, ms: performance.now() - startedAt };
}

function expectAnswered(answers: readonly Timed[]): void {
  expect(answers.length).toBeGreaterThan(FAULT_MS / BETWEEN_REQUESTS_MS / 2);
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(ANSWER_MS);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 401, 429]));
}
