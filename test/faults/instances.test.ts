import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type Receiver, type ScriptedAnswer } from '../support/receiver.ts';
import { serverEnv } from '../support/server-env.ts';
import { askApi, SUBSCRIPTIONS } from '../support/service.ts';
import { describeOnServers } from '../support/services.ts';
import { until } from '../support/wait.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { arrivals, post, startLoad } from './load.ts';
import { undisturbed } from './undisturbed.ts';

jest.setTimeout(120_000);

// Of a webhook, in each instance.
const SINK_CONCURRENCY = 20;
const [MAIL] = SUBSCRIPTIONS; // what the posted items are of

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
    let letGo = () => {};
    try {
      await until(() => loads.every(isUnderWay), 'both acknowledge', 30_000);
      const held = holdBack(first.receiver);
      letGo = held.letGo;
      // More than one instance has on its way at once: each of them waits for answers.
      await until(() => held.count() > SINK_CONCURRENCY, 'both deliver');
      await second.end('SIGKILL');
      letGo();
      const atDeath = acknowledged().length;
      await until(() => acknowledged().length > atDeath + 60, 'the other one goes on', 30_000);
    } finally {
      letGo();
      await Promise.all(loads.map((load) => load.stop()));
    }

    const missing = () => acknowledged().filter((id) => !arrived().has(id));
    const duplicates = () => [...arrived().values()].reduce((sum, count) => sum + count - 1, 0);
    // What the dead one had claimed is free when its leases of 15 s are over. It died before it had
    // the answers, so what it had on its way comes again.
    await until(() => missing().length === 0 && duplicates() > 0, 'all of it arrives', 60_000);
    const figures = {
      acknowledged: acknowledged().length,
      lost: missing().length,
      duplicates: duplicates(),
    };
    process.stdout.write(`one of two instances killed: ${JSON.stringify(figures)}\n`);
    expect(acknowledged().length).toBeGreaterThan(120);
  });

  it('count one limit together, to the last request', async () => {
    const urls = [first.child.url, second.url];
    for (const url of urls) await askApi(url, { method: 'GET', path: '/api/sinks' });
    const metricsUrls = [first.child.metricsUrl, second.metricsUrl];
    const askMany = async () => {
      const all: Response[] = [];
      while (all.length < 130) {
        const some = Array.from({ length: 10 }, (_, at) => fetch(`${urls[at % 2]}/api/sinks`));
        all.push(...(await Promise.all(some)));
      }
      return all;
    };
    const admin = new Redis(servers.redis.url);
    await admin.flushall();
    const answers = await undisturbed(metricsUrls, askMany, () => admin.flushall());
    admin.disconnect();
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
    const limits = answers.map(({ headers }) => headers.get('x-ratelimit-limit'));
    expect(new Set(limits)).toEqual(new Set(['100']));
  });

  // The last one: nothing is accepted of this subscription afterwards.
  it('know within 5 s what was changed at the other: a subscription that is removed', async () => {
    await until(() => post(second.url, ['before']), 'the second one accepts an item');
    await until(() => arrived().has('before'), 'the second one knows the subscription');
    expect(await rejectedAt(second)).toBe(0);

    const removed = await first.api('DELETE', `/api/subscriptions/${MAIL?.id}`);
    expect(removed.status).toBe(204);
    let sent = 0;
    await until(async () => {
      sent += 1;
      await post(second.url, [`after-${sent}`]);
      return (await rejectedAt(second)) > 0;
    }, 'the second one rejects its items');
  });
});

const isUnderWay = ({ acknowledged }: { acknowledged: ReadonlySet<string> }) =>
  acknowledged.size > 60;

/** Keeps answers back until it is let go, and counts them. */
function holdBack(receiver: Receiver) {
  const { promise, resolve } = Promise.withResolvers<ScriptedAnswer>();
  let count = 0;
  receiver.answer(() => {
    count += 1;
    return promise;
  });
  return { count: () => count, letGo: () => resolve({}) };
}

/** Items that this instance did not accept because their subscription is removed. */
async function rejectedAt({ metricsUrl }: ChildService): Promise<number> {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  return Number(
    /^notifications_total\{verdict="deleted-subscription"\} (\d+)$/m.exec(text)?.[1] ?? 0,
  );
}
