import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { askApi, importSamples } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { arrivals, seeded, startLoad } from './load.ts';

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 5);
const SEED = Number(process.env['CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const PER_ROUND_MS = 12_000;
const random = seeded(SEED);

async function addWebhook(service: ChildService, receiver: Receiver): Promise<string> {
  const body = { name: 'crash', kind: 'webhook', url: `${receiver.url}/events` };
  const answer = await askApi(service.url, { method: 'POST', path: '/api/sinks', body });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

function apiOf(service: ChildService) {
  return {
    api: (method: string, path: string, body?: unknown) =>
      askApi(service.url, { method, path, body }),
  };
}

function countOpen(service: ChildService, sinkId: string): Promise<number> {
  return countNotifications(service, `delivery=due&sinkId=${sinkId}`);
}

async function countNotifications(service: ChildService, query: string): Promise<number> {
  let count = 0;
  for (let cursor = ''; ;) {
    const path = `/api/notifications?limit=200&${query}${cursor}`;
    const { body } = await askApi(service.url, { method: 'GET', path });
    count += body.data.length;
    if (body.nextCursor === null) return count;
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
  }
}

/** On a busy machine it takes longer until as much is acknowledged as a kill is to cut into. */
function untilLoaded({ acknowledged }: { acknowledged: ReadonlySet<string> }, items: number) {
  return until(() => acknowledged.size > items, `more than ${items} are acknowledged`, 30_000);
}

function report(what: string, figures: Record<string, number>): void {
  process.stdout.write(`${what}: ${JSON.stringify({ seed: SEED, ...figures })}\n`);
}

describe('a service killed with SIGKILL under load', () => {
  it(
    'delivers everything that it had acknowledged',
    async () => {
      const folder = temporaryFolder();
      const receiver = await startReceiver();
      let child = await startChild({ dataDir: folder.path });
      await importSamples(apiOf(child));
      await addWebhook(child, receiver);

      const load = startLoad({ url: () => child.url, connections: 4, batch: 5 });
      for (let round = 0; round < ROUNDS; round += 1) {
        await sleep(150 + random() * 700);
        await untilLoaded(load, 100 * (round + 1));
        await child.end('SIGKILL');
        child = await startChild({ dataDir: folder.path });
      }
      await sleep(200);
      await load.stop();

      const arrived = () => arrivals(receiver.received.map(({ body }) => body));
      const missing = () => {
        const counts = arrived();
        return [...load.acknowledged].filter((id) => !counts.has(id));
      };
      await until(() => missing().length === 0, 'all that was acknowledged arrives', 30_000);
      const counts = arrived();
      report('crash under load', {
        kills: ROUNDS,
        sent: load.sent(),
        acknowledged: load.acknowledged.size,
        lost: missing().length,
        duplicates: [...counts.values()].reduce((sum, count) => sum + count - 1, 0),
      });
      // The load must have been one, or nothing was shown.
      expect(load.acknowledged.size).toBeGreaterThan(100 * ROUNDS);
      expect(missing()).toEqual([]);
      await child.end('SIGTERM');
      await receiver.close();
      folder.remove();
    },
    60_000 + ROUNDS * PER_ROUND_MS,
  );

  it(
    'keeps what waits for its retry, and sends what is due within 2 s of the start',
    async () => {
      const folder = temporaryFolder();
      const receiver = await startReceiver();
      receiver.answer({ status: 503 });
      let child = await startChild({ dataDir: folder.path });
      await importSamples(apiOf(child));
      const sinkId = await addWebhook(child, receiver);

      const load = startLoad({ url: () => child.url, connections: 2, batch: 5 });
      for (let round = 0; round < ROUNDS; round += 1) {
        await sleep(150 + random() * 500);
        await untilLoaded(load, 50 * (round + 1));
        await child.end('SIGKILL');
        child = await startChild({ dataDir: folder.path });
      }
      await load.stop();
      // Everything stands in the store, waiting; nothing was given up and nothing is doubled.
      await until(
        async () => (await countOpen(child, sinkId)) >= load.acknowledged.size,
        'all that was acknowledged waits for the sink',
        30_000,
      );
      // Long enough for the first retries to fall due while nobody is there.
      await sleep(500);
      await child.end('SIGKILL');
      await sleep(5500);

      const refused = receiver.received.length;
      receiver.answer({ status: 200 });
      child = await startChild({ dataDir: folder.path });
      const startedAt = performance.now();
      await until(() => receiver.received.length > refused, 'the first retry', 2000);
      const firstAfterMs = Math.round(performance.now() - startedAt);
      const missing = () => {
        const counts = arrivals(receiver.received.slice(refused).map(({ body }) => body));
        return [...load.acknowledged].filter((id) => !counts.has(id));
      };
      await until(() => missing().length === 0, 'every retry', 60_000);
      const counts = arrivals(receiver.received.slice(refused).map(({ body }) => body));
      report('crash with the sink down', {
        kills: ROUNDS + 1,
        acknowledged: load.acknowledged.size,
        lost: missing().length,
        firstAfterMs,
        duplicates: [...counts.values()].reduce((sum, count) => sum + count - 1, 0),
      });
      expect(load.acknowledged.size).toBeGreaterThan(50 * ROUNDS);
      expect(await countNotifications(child, '')).toBeGreaterThanOrEqual(load.acknowledged.size);
      await child.end('SIGTERM');
      await receiver.close();
      folder.remove();
    },
    120_000 + ROUNDS * PER_ROUND_MS,
  );
});
