import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Hint } from '../../src/ports/job-queue.ts';
import { connectTo, hintOf, openBullmqQueue, workDeliveries } from '../support/bullmq-queue.ts';
import { describeOnProcess } from '../support/services.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';

const HINTS = 20;
const BACK_MS = 10_000;
const WARNS_EVERY_MS = 10_000;
// Thousands of rows have gathered meanwhile.
const WORK_MS = 20_000;
// A closing gives up after 3 s; one that does not waits for Redis without end.
const CLOSED_MS = 10_000;

await describeOnProcess('redis', 'the BullMQ queue while Redis fails', (server) => {
  let opened: Awaited<ReturnType<typeof openBullmqQueue>>;
  let lane: string;
  /** As the store does, holds what is not worked yet; as the sweep does, the queue is told again. */
  let rows: Map<string, Hint>;
  let openedAt: number;
  let unhandled: unknown[];
  const note = (reason: unknown) => void unhandled.push(reason);

  beforeEach(async () => {
    unhandled = [];
    process.on('unhandledRejection', note);
    lane = randomUUID();
    rows = new Map();
    openedAt = performance.now();
    opened = await openBullmqQueue(server.url, randomUUID());
    workDeliveries(opened.queue, {
      async handle({ id }) {
        rows.delete(id);
        return undefined;
      },
      drained: () => opened.queue.hint([...rows.values()]),
    });
    await worksNewHints();
  });
  afterEach(async () => {
    await opened.queue.close();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    expect(opened.errors).toEqual([]);
  });

  function hint(count: number): void {
    const hints = Array.from({ length: count }, () => hintOf(lane));
    for (const each of hints) rows.set(each.id, each);
    opened.queue.hint(hints);
  }

  async function worksNewHints(withinMs = BACK_MS): Promise<void> {
    hint(HINTS);
    await until(() => rows.size === 0, 'all rows are worked', withinMs);
  }

  /** Hints as often as traffic would for a while; a call takes no time, but for a pause of the process. */
  async function hintForAWhile(ms: number): Promise<void> {
    const end = performance.now() + ms;
    const tookMs: number[] = [];
    await until(() => {
      const began = performance.now();
      hint(HINTS);
      tookMs.push(performance.now() - began);
      return performance.now() > end;
    }, 'a while has passed');
    const sorted = tookMs.toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(100);
  }

  /** A second is what the figures of a lane may be behind. */
  async function figuresComeDown(): Promise<void> {
    await until(() => opened.queue.size('deliver', lane) === 0, 'an empty lane', BACK_MS);
  }

  async function command(name: string, ...args: string[]): Promise<void> {
    const redis = connectTo(server.url);
    void redis.connect();
    await once(redis, 'ready');
    await redis.call(name, ...args);
    redis.disconnect();
  }

  /** After Redis is back: works what is hinted, asks for what it dropped, and logged in measure. */
  async function isAsBefore(): Promise<void> {
    await worksNewHints(BACK_MS + WORK_MS);
    await figuresComeDown();
    expect(opened.warnings.length).toBeGreaterThan(0);
    expect(opened.warnings.length).toBeLessThanOrEqual(
      1 + Math.ceil((performance.now() - openedAt) / WARNS_EVERY_MS),
    );
  }

  it('goes on after Redis was killed', async () => {
    await server.kill();
    await hintForAWhile(1500);
    expect(opened.queue.size('deliver', lane)).toBeLessThanOrEqual(2000);
    await server.start();
    await isAsBefore();
  });

  it('goes on after Redis hung, and keeps no more than its bounds meanwhile', async () => {
    server.signal('SIGSTOP');
    try {
      await hintForAWhile(3000);
      expect(opened.queue.size('deliver', lane)).toBeLessThanOrEqual(2000);
    } finally {
      server.signal('SIGCONT');
    }
    await isAsBefore();
  });

  it('bounds what is on its way over all lanes while Redis hangs', async () => {
    const { queue } = opened;
    server.signal('SIGSTOP');
    try {
      for (let at = 0; at < 30; at += 1) {
        queue.hint(Array.from({ length: 1000 }, () => hintOf(`lane-${at}`)));
      }
      expect(queue.counts().deliver.waiting).toBe(20_000);
      await until(() => queue.counts().deliver.waiting === 0, 'nothing is on its way', WORK_MS);
    } finally {
      server.signal('SIGCONT');
    }
    await worksNewHints();
  });

  it('goes on after the network was slow, and cut', async () => {
    const proxy = await startTcpProxy(server.port);
    const far = await openBullmqQueue(proxy.urlFor(server.url), randomUUID());
    const open = new Map<string, Hint>();
    workDeliveries(far.queue, {
      async handle({ id }) {
        open.delete(id);
        return undefined;
      },
      drained: () => far.queue.hint([...open.values()]),
    });
    const works = async (count: number) => {
      const hints = Array.from({ length: count }, () => hintOf(lane));
      for (const each of hints) open.set(each.id, each);
      far.queue.hint(hints);
      await until(() => open.size === 0, 'all rows are worked', BACK_MS + WORK_MS);
    };
    proxy.slow(100);
    await works(200);
    proxy.slow(0);
    await proxy.cut();
    const whileCut = works(HINTS);
    await until(() => far.warnings.length > 0, 'it is noticed');
    await proxy.restore();
    await whileCut;
    await far.queue.close();
    await proxy.close();
  });

  it.each([
    ['has no memory left', 'maxmemory', '1', '0'],
    ['lacks replicas', 'min-replicas-to-write', '1', '0'],
  ])('goes on after Redis refused writes because it %s', async (_why, name, bad, good) => {
    await command('CONFIG', 'SET', name, bad);
    await hintForAWhile(1500);
    expect(rows.size).toBeGreaterThan(HINTS);
    await command('CONFIG', 'SET', name, good);
    await isAsBefore();
  });

  it('notices within seconds that everything was flushed', async () => {
    const { queue } = opened;
    const dueAt = Date.now() + 50_000;
    const shut = randomUUID();
    queue.hint(Array.from({ length: 500 }, () => hintOf(shut, { dueAt })));
    await until(() => queue.counts().deliver.delayed === 500, 'delayed hints');
    await command('FLUSHALL');
    // Long before they would be due.
    await until(() => queue.size('deliver', shut) === 0, 'no hints left', BACK_MS);
    await worksNewHints();
    await figuresComeDown();
  });

  it('works hints anew that ran when Redis was flushed', async () => {
    const other = randomUUID();
    const ends: (() => void)[] = [];
    const parts = await openBullmqQueue(server.url, randomUUID());
    workDeliveries(parts.queue, {
      handle: () => new Promise((resolve) => void ends.push(() => resolve(undefined))),
    });
    const running = hintOf(other);
    parts.queue.hint([running]);
    await until(() => ends.length === 1, 'a call');
    await command('FLUSHALL');
    ends[0]?.();
    await until(() => parts.queue.counts().deliver.active === 0, 'its end');
    parts.queue.hint([running]);
    await until(() => ends.length === 2, 'another call');
    ends[1]?.();
    await parts.queue.close();
  });

  it.each([
    ['hung', async () => server.signal('SIGSTOP'), async () => server.signal('SIGCONT')],
    ['dead', () => server.kill(), () => server.start()],
  ])('closes in bounded time while Redis is %s', async (_how, fail, mend) => {
    const parts = await openBullmqQueue(server.url, randomUUID());
    let ended = false;
    let end = () => {};
    workDeliveries(parts.queue, {
      handle: () =>
        new Promise((resolve) => {
          end = () => {
            ended = true;
            resolve(undefined);
          };
        }),
    });
    parts.queue.hint([hintOf(lane)]);
    await until(() => parts.queue.counts().deliver.active === 1, 'a call');
    await fail();
    try {
      parts.queue.hint([hintOf(lane)]);
      const began = performance.now();
      const closing = parts.queue.close();
      expect(ended).toBe(false);
      end();
      await closing;
      expect(performance.now() - began).toBeLessThan(CLOSED_MS);
    } finally {
      await mend();
    }
    await worksNewHints();
  });
});
