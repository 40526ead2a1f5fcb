import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { connectForCommands, reachRedis } from '../../src/adapters/redis/connect.ts';
import { createFailoverRateStore } from '../../src/adapters/redis/failover-rate-store.ts';
import { createRedisRateStore } from '../../src/adapters/redis/rate-store.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { Secret } from '../../src/domain/secret.ts';
import { describeRateStore } from '../contracts/rate-store.contract.ts';
import { describeOn } from '../support/services.ts';
import { openBreakers } from '../support/breakers.ts';
import { silentLog } from '../support/silent-log.ts';

const WINDOW_MS = 60_000;

await describeOn('redis', 'on a Redis', ({ url }) => {
  async function openRedis() {
    const redis = connectForCommands({ url: new Secret(url), connectTimeoutMs: 2000 }, 2000);
    await reachRedis(redis, systemClock, 5000);
    return redis;
  }

  describeRateStore('redis', async () => {
    const redis = await openRedis();
    const open = () =>
      createRedisRateStore({ redis, prefix: randomUUID(), maxKeysPerPolicy: 1000 });
    return { store: open(), stranger: open(), elapse, close: async () => redis.disconnect() };
  });

  describeRateStore('failover with both stores up', async () => {
    const redis = await openRedis();
    const open = () =>
      createFailoverRateStore({
        shared: createRedisRateStore({ redis, prefix: randomUUID(), maxKeysPerPolicy: 1000 }),
        local: createMemoryRateStore({ clock: systemClock, maxKeysPerPolicy: 1000 }),
        breakers: openBreakers(),
        clock: systemClock,
        log: silentLog,
        timeoutMs: 2000,
      });
    const [store, stranger] = [open(), open()];
    async function close() {
      store.close();
      stranger.close();
      redis.disconnect();
    }
    return { store, stranger, elapse, close };
  });

  describe('redis rate store', () => {
    let redis: Awaited<ReturnType<typeof openRedis>>;
    beforeAll(async () => {
      redis = await openRedis();
    });
    afterAll(() => redis.disconnect());

    function openStore(maxKeysPerPolicy: number, prefix: string = randomUUID()) {
      const store = createRedisRateStore({ redis, prefix, maxKeysPerPolicy });
      const hit = (key: string, windowMs = WINDOW_MS) => store.hit(key, windowMs);
      const hitsAfter = async (key: string, windowMs?: number) => (await hit(key, windowMs)).hits;
      return { store, hit, hitsAfter, keys: () => redis.keys(`${prefix}:*`) };
    }

    it('counts exactly over two instances', async () => {
      const prefix = randomUUID();
      const other = await openRedis();
      const stores = [redis, other].map((redis) =>
        createRedisRateStore({ redis, prefix, maxKeysPerPolicy: 10 }),
      );
      const windows = await Promise.all(
        Array.from({ length: 100 }, () =>
          stores.map((store) => store.hit('p:a', WINDOW_MS)),
        ).flat(),
      );
      const counts = windows.map(({ hits }) => hits).toSorted((a, b) => a - b);
      expect(counts).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
      expect(new Set(windows.map(({ ticket }) => ticket.windowId)).size).toBe(1);
      other.disconnect();
    });

    it('without room, counts new keys together, and goes on counting those it knows', async () => {
      const { store, hitsAfter } = openStore(2);
      await hitsAfter('p:a');
      await hitsAfter('p:b');
      expect(await hitsAfter('p:c')).toBe(1);
      expect(await hitsAfter('p:d')).toBe(2);
      expect(await hitsAfter('p:a')).toBe(2);
      expect(await hitsAfter('p:b')).toBe(2);
      // What others did is not said of them.
      expect(await store.read('p:c')).toBeUndefined();
      expect(await store.read('p:e')).toBeUndefined();
      expect((await store.read('p:b'))?.hits).toBe(2);
      // Other policies have room of their own.
      expect(await hitsAfter('q:a')).toBe(1);
      expect(await hitsAfter('q:a')).toBe(2);
    });

    it('takes hits back from the shared window, and clears nobody else’s with one key’s', async () => {
      const { store, hit, hitsAfter } = openStore(1);
      await hit('p:a');
      const { ticket } = await hit('p:b');
      await hit('p:c');
      await store.undo(ticket);
      expect(await hitsAfter('p:d')).toBe(2);
      await store.clear('p:b');
      expect(await hitsAfter('p:c')).toBe(3);
      await store.clear('p:a');
      expect(await hitsAfter('p:d')).toBe(1); // in the place that a left
    });

    it('gives the place of a window that has ended to another', async () => {
      const { store, hitsAfter } = openStore(1);
      await hitsAfter('p:a', 3000);
      expect(await hitsAfter('p:b', 2000)).toBe(1);
      expect(await hitsAfter('p:c', 2000)).toBe(2);
      await sleep(3010);
      expect(await store.read('p:b')).toBeUndefined();
      expect(await hitsAfter('p:b')).toBe(1);
      expect(await hitsAfter('p:b')).toBe(2);
      expect(await hitsAfter('p:c')).toBe(1);
    });

    it('keeps no more than it has room for, and of what has ended nothing', async () => {
      const { hit, hitsAfter, keys } = openStore(50);
      const made = Array.from({ length: 2000 }, (_, at) => `p:10.0.${at >> 8}.${at & 255}`);
      await Promise.all(made.map((key) => hit(key)));
      expect(await keys()).toHaveLength(52); // the shared window, and which there are
      expect(await hitsAfter('p:new')).toBe(2000 - 50 + 1);

      const brief = openStore(50);
      await Promise.all(made.map((key) => brief.hit(key, 300)));
      await sleep(310);
      expect(await brief.keys()).toEqual([]);
    });

    it('lets no window be longer than asked for, as after the server’s clock was set back', async () => {
      const { store, hit, keys } = openStore(10);
      await hit('p:a');
      const window = (await keys()).find((name) => name.endsWith(':p:a'));
      await redis.pexpire(window ?? '', 3_600_000);
      expect(await hit('p:a', 300)).toMatchObject({ hits: 2, resetsInMs: 300 });
      await sleep(310);
      expect(await store.read('p:a')).toBeUndefined();
    });

    it('says that it is unavailable, whatever is asked, and keeps why', async () => {
      const gone = await openRedis();
      const store = createRedisRateStore({ redis: gone, prefix: 'gone', maxKeysPerPolicy: 10 });
      const { ticket } = await store.hit('p:a', 100);
      gone.disconnect();
      await Promise.all(
        [store.hit('p:a', 100), store.read('p:a'), store.undo(ticket), store.clear('p:a')].map(
          (answer) => expect(answer).rejects.toThrow(StoreUnavailableError),
        ),
      );
      await expect(store.read('p:a')).rejects.toMatchObject({ cause: expect.any(Error) });
    });
  });
});

// Timers may be a little early.
const elapse = (ms: number) => sleep(ms + 2);
