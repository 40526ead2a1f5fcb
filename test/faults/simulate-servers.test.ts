import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { Secret } from '../../src/domain/secret.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { startBalancer } from '../support/balancer.ts';
import { startChild } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { serverEnv } from '../support/server-env.ts';
import { OPERATOR_KEY } from '../support/service.ts';
import { describeOnServers } from '../support/services.ts';

const SECONDS = Number(process.env['SIMULATE_SECONDS'] ?? 10);
// The stand-in for MongoDB does some 850 durable writes a second, and each item takes two of them.
const POSTS_PER_SECOND = 15;
const REDIS_AWAY_MS = 3000;
// What a busy machine could not deliver in time is tried again by the schedule.
const SETTLE_MS = 120_000;

await describeOnServers('a simulation against two instances', ({ mongodb, redis }) => {
  it(
    'misses nothing when Redis is killed in the middle',
    async () => {
      const folders = [temporaryFolder(), temporaryFolder()];
      const env = serverEnv({ mongodb: mongodb.url, redis: redis.url });
      const children = await Promise.all(
        folders.map(({ path }) => startChild({ dataDir: path, env })),
      );
      const balancer = await startBalancer(children.map(({ url }) => Number(new URL(url).port)));

      async function killRedis(): Promise<void> {
        await sleep((SECONDS * 1000) / 2);
        await redis.kill();
        await sleep(REDIS_AWAY_MS);
        await redis.start();
      }

      const [report] = await Promise.all([
        simulate(
          {
            url: balancer.url,
            operatorKey: new Secret(OPERATOR_KEY),
            rate: POSTS_PER_SECOND,
            durationMs: SECONDS * 1000,
            settleMs: SETTLE_MS,
            duplicates: 0.1,
            forged: 0.05,
          },
          { progress: () => undefined },
        ),
        killRedis(),
      ]);
      process.stdout.write(`simulate, Redis killed: ${JSON.stringify(report)}\n`);
      expect(report).toMatchObject({
        ok: true,
        missing: 0,
        changedIds: 0,
        forgedDelivered: 0,
        unverified: 0,
        leftBehind: [],
      });
      expect(report.acknowledged).toBe(report.sent);
      expect(report.sent + report.forgedSent).toBe(SECONDS * POSTS_PER_SECOND * 5);
      expect(balancer.connections.every((count) => count > 0)).toBe(true);

      for (const child of children) await child.end('SIGTERM');
      await balancer.close();
      for (const folder of folders) folder.remove();
    },
    SECONDS * 1000 + 2 * SETTLE_MS,
  );
});
