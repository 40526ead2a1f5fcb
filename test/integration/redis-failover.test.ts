import { randomUUID } from 'node:crypto';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { connectForCommands, reachRedis } from '../../src/adapters/redis/connect.ts';
import { createFailoverRateStore } from '../../src/adapters/redis/failover-rate-store.ts';
import { createRedisRateStore } from '../../src/adapters/redis/rate-store.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { Secret } from '../../src/domain/secret.ts';
import { describeOnProcess, type ServerProcess } from '../support/services.ts';
import { openBreakers } from '../support/breakers.ts';
import { silentLog } from '../support/silent-log.ts';
import { until } from '../support/wait.ts';

const WINDOW_MS = 120_000;
// Long enough for a Redis that is well, however busy the machine is.
const TIMEOUT_MS = 1000;
// Without the limit above, a Redis that hangs would be waited for so long.
const COMMAND_MS = 5000;
const BACK_WITHIN_MS = 10_000;
const WAITED = Symbol('waited');

interface Fault {
  readonly what: string;
  readonly begin: (server: ServerProcess) => Promise<unknown> | void;
  readonly end: (server: ServerProcess) => Promise<unknown> | void;
  /** What was counted before is there afterwards. */
  readonly keeps: boolean;
}

const FAULTS: readonly Fault[] = [
  {
    what: 'is dead',
    begin: (server) => server.kill(),
    end: (server) => server.start(),
    keeps: false,
  },
  {
    what: 'hangs',
    begin: (server) => server.signal('SIGSTOP'),
    end: (server) => server.signal('SIGCONT'),
    keeps: true,
  },
  {
    what: 'refuses writes for want of memory',
    begin: (server) => configure(server, 'maxmemory', '1'),
    end: (server) => configure(server, 'maxmemory', '0'),
    keeps: true,
  },
  {
    what: 'refuses writes for want of replicas',
    begin: (server) => configure(server, 'min-replicas-to-write', '1'),
    end: (server) => configure(server, 'min-replicas-to-write', '0'),
    keeps: true,
  },
];

async function configure({ url }: ServerProcess, name: string, value: string): Promise<void> {
  const admin = new Redis(url);
  await admin.config('SET', name, value);
  admin.disconnect();
}

async function open(url: string) {
  const redis = connectForCommands({ url: new Secret(url), connectTimeoutMs: 2000 }, COMMAND_MS);
  await reachRedis(redis, systemClock, 10_000);
  const lines: string[] = [];
  const store = createFailoverRateStore({
    shared: createRedisRateStore({ redis, prefix: randomUUID(), maxKeysPerPolicy: 100 }),
    local: createMemoryRateStore({ clock: systemClock, maxKeysPerPolicy: 100 }),
    breakers: openBreakers(),
    clock: systemClock,
    log: {
      ...silentLog,
      warn: () => lines.push('away'),
      info: () => lines.push('back'),
    },
    timeoutMs: TIMEOUT_MS,
  });
  return { redis, store, lines, hit: (key: string) => store.hit(key, WINDOW_MS) };
}

await describeOnProcess('redis', 'limits while Redis', (server) => {
  let opened: Awaited<ReturnType<typeof open>>;
  beforeEach(async () => {
    opened = await open(server.url);
  });
  afterEach(() => {
    opened.store.close();
    opened.redis.disconnect();
  });

  it.each(FAULTS)('$what', async ({ begin, end, keeps }) => {
    const { store, lines, hit } = opened;
    await hit('p:a');
    await hit('p:a');
    const { ticket } = await hit('p:a');
    await begin(server);

    // Whatever the fault, and however many come at once: the first wait no longer than the limit.
    const firstAt = performance.now();
    const first = await Promise.all(Array.from({ length: 20 }, () => hit('p:a')));
    expect(performance.now() - firstAt).toBeLessThan(COMMAND_MS / 2);
    expect(first.every(({ degraded }) => degraded)).toBe(true);
    expect(store.isDegraded()).toBe(true);

    // And nobody after them, for longer than it takes until Redis is tried again.
    const windows = [];
    let waited = 0;
    const startedAt = performance.now();
    while (performance.now() - startedAt < 5500) {
      // By turns of the event loop, which do not depend on how busy the machine is: what asks
      // nobody is over after one.
      const window = hit('p:a');
      if ((await Promise.race([window, turn(WAITED)])) === WAITED) waited += 1;
      windows.push(await window);
      await sleep(10);
    }
    expect(waited).toBe(0);
    expect(windows.every(({ degraded }) => degraded)).toBe(true);
    expect(windows.at(-1)?.hits).toBe(20 + windows.length);

    await end(server);
    await until(() => !store.isDegraded(), 'back', BACK_WITHIN_MS);
    expect(lines).toEqual(['away', 'back']);

    // Late answers to the first ones may have counted too, never too little.
    const back = await hit('p:a');
    expect(back.degraded).toBe(false);
    expect(back.hits).toBeGreaterThanOrEqual(keeps ? 4 : 1);
    expect(back.hits).toBeLessThanOrEqual(keeps ? 24 : 1);
    await Promise.all(windows.map((window) => store.undo(window.ticket)));
    expect((await store.read('p:a'))?.hits).toBe(back.hits);
    await store.undo(ticket);
    expect((await store.read('p:a'))?.hits).toBe(keeps ? back.hits - 1 : back.hits);
  });

  it('forgets its scripts', async () => {
    const { redis, store, hit } = opened;
    for (let hits = 1; hits <= 50; hits += 1) {
      if (hits % 10 === 5) await redis.script('FLUSH');
      expect(await hit('p:a')).toMatchObject({ hits, degraded: false });
    }
    await redis.script('FLUSH');
    const windows = await Promise.all(Array.from({ length: 50 }, () => hit('p:a')));
    expect(Math.max(...windows.map(({ hits }) => hits))).toBe(100);
    expect(store.isDegraded()).toBe(false);
  });

  it('is flushed', async () => {
    const { redis, store, hit } = opened;
    await hit('p:a');
    const { ticket } = await hit('p:a');
    const [before, , after] = await Promise.all([hit('p:a'), redis.flushall(), hit('p:a')]);
    expect([before.hits, after.hits]).toEqual([3, 1]);
    await store.undo(ticket);
    expect(await hit('p:a')).toMatchObject({ hits: 2, degraded: false });
    expect(store.isDegraded()).toBe(false);
  });
});
