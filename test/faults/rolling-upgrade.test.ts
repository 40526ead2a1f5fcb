import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { serverEnv } from '../support/server-env.ts';
import { describeOnServers } from '../support/services.ts';
import { until } from '../support/wait.ts';
import { startGateway } from './gateway.ts';
import { anItem, arrivals } from './load.ts';

const POSTS_PER_SECOND = 30;
// Many looks, though each may take a while on a busy machine.
const DRAIN_MS = 4000;
const LOOK_EVERY_MS = 200;

/** What a load balancer does: asks who is ready, and sends to those only. */
function createRouter(instances: () => readonly ChildService[]) {
  let ready: readonly string[] = [];
  let stopped = false;
  let turn = 0;

  async function isReady(url: string): Promise<boolean> {
    return fetch(`${url}/health/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  async function look(): Promise<void> {
    while (!stopped) {
      const urls = instances().map(({ url }) => url);
      const answers = await Promise.all(urls.map(isReady));
      const now = urls.filter((_, at) => answers[at]);
      // As a balancer does when no probe of a busy machine was answered in time.
      if (now.length > 0) ready = now;
      await sleep(LOOK_EVERY_MS);
    }
  }
  const looking = look();

  return {
    ready: () => ready.length,
    next(): string {
      turn += 1;
      return ready[turn % ready.length] ?? 'http://nobody.invalid';
    },
    async stop() {
      stopped = true;
      await looking;
    },
  };
}

await describeOnServers('a rolling upgrade of two instances', ({ mongodb, redis }) => {
  it('under load fails no answer and loses nothing', async () => {
    const env = {
      ...serverEnv({ mongodb: mongodb.url, redis: redis.url }),
      DRAIN_DELAY_MS: String(DRAIN_MS),
    };
    const folder = temporaryFolder();
    const gateway = await startGateway({ env });
    const start = () => startChild({ env, dataDir: folder.path });
    const instances = [gateway.child, await start()];
    const router = createRouter(() => instances);
    await until(() => router.ready() === 2, 'both are ready');

    const failed: string[] = [];
    const acknowledged = new Set<string>();
    let sent = 0;
    async function postOne(): Promise<void> {
      sent += 1;
      const id = `rolling-${sent}`;
      const answer = await fetch(`${router.next()}/webhooks/graph`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value: [anItem(id)] }),
      }).then(
        ({ status }) => String(status),
        (error: unknown) => String(error),
      );
      if (answer === '202') acknowledged.add(id);
      else failed.push(answer);
    }
    const posts: Promise<void>[] = [];
    const timer = setInterval(() => posts.push(postOne()), 1000 / POSTS_PER_SECOND);

    for (const at of [0, 1]) {
      const old = instances[at];
      // By its own words it stops: readiness first, the listener later.
      expect(await old?.end('SIGTERM')).toBe(0);
      instances[at] = await start();
      await until(() => router.ready() === 2, 'the new one is ready', 30_000);
      await sleep(500);
    }
    clearInterval(timer);
    await Promise.all(posts);
    const arrived = () => arrivals(gateway.receiver.received.map(({ body }) => body));
    const missing = () => [...acknowledged].filter((id) => !arrived().has(id));
    await until(() => missing().length === 0, 'all that was acknowledged arrives', 60_000).catch(
      () => undefined,
    );
    const figures = { sent, failed: failed.length, lost: missing().length };
    process.stdout.write(`rolling upgrade: ${JSON.stringify(figures)}\n`);
    expect(failed).toEqual([]);
    expect(missing()).toEqual([]);
    expect(sent).toBeGreaterThan(2 * POSTS_PER_SECOND);

    await router.stop();
    for (const instance of instances) await instance.end('SIGTERM');
    await gateway.close();
    folder.remove();
  }, 90_000);
});
