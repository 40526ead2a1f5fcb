import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startChild } from '../support/child-service.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryFolder } from '../support/folder.ts';
import { serverEnv } from '../support/server-env.ts';
import { describeOnServers, startServerProcess } from '../support/services.ts';
import { OPERATOR_KEY } from '../support/service.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const PASSWORD = 'hunter2-7f3a';
const RIGHT_PASSWORD = 'swordfish-91cc';
const WITHIN_MS = 10_000;

/** Starts the service, which is expected to end by itself. */
async function endOf(env: Record<string, string>) {
  const folder = temporaryFolder();
  const startedAt = performance.now();
  const child = spawn(process.execPath, [`${ROOT}src/main.ts`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      PORT: '0',
      METRICS_PORT: '0',
      DATA_DIR: folder.path,
      OPERATOR_API_KEY: OPERATOR_KEY,
      ...env,
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  folder.remove();
  return { code, said, ms: performance.now() - startedAt };
}

await describeOnServers('a start on servers', ({ mongodb, redis }) => {
  // What a start takes on this machine when nothing is wrong comes on top of the limit.
  let startMs = 0;
  beforeAll(async () => {
    const folder = temporaryFolder();
    const env = serverEnv({ mongodb: mongodb.url, redis: redis.url });
    const child = await startChild({ env, dataDir: folder.path });
    startMs = child.startedInMs;
    await child.end('SIGKILL');
    folder.remove();
  });

  describe.each(['mongodb', 'redis'] as const)('without %s', (missing) => {
    it('ends within 10 s with a sentence that names it, and no password', async () => {
      const port = await freePort();
      const urls = { mongodb: mongodb.url, redis: redis.url };
      const dead = { ...urls, [missing]: `${missing}://user:${PASSWORD}@127.0.0.1:${port}` };
      const { code, said, ms } = await endOf(serverEnv(dead));
      expect(code).toBe(1);
      expect(ms).toBeLessThan(WITHIN_MS + startMs);
      const name = missing === 'redis' ? 'Redis' : 'MongoDB';
      expect(said).toContain(`${name} at 127.0.0.1:${port} `);
      expect(said).toContain(`${missing.toUpperCase()}_URL`);
      expect(said).not.toContain(PASSWORD);
    });

    it('that hangs ends it just so', async () => {
      const server = missing === 'redis' ? redis : mongodb;
      server.signal('SIGSTOP');
      try {
        const { code, said, ms } = await endOf(
          serverEnv({ mongodb: mongodb.url, redis: redis.url }),
        );
        expect(code).toBe(1);
        expect(ms).toBeLessThan(WITHIN_MS + startMs);
        expect(said).toContain(`127.0.0.1:${server.port}`);
      } finally {
        server.signal('SIGCONT');
      }
    });
  });

  it('ends with a sentence that names it where Redis refuses the password, and tells neither', async () => {
    const shut = await startServerProcess('redis', { more: ['--requirepass', RIGHT_PASSWORD] });
    try {
      const wrong = `redis://:${PASSWORD}@127.0.0.1:${shut.port}`;
      const { code, said, ms } = await endOf(serverEnv({ mongodb: mongodb.url, redis: wrong }));
      expect(code).toBe(1);
      expect(ms).toBeLessThan(WITHIN_MS + startMs);
      expect(said).toMatch(/Redis at 127\.0\.0\.1:\d+ does not answer: WRONGPASS .*REDIS_URL/);
      expect(said).not.toContain(PASSWORD);
      expect(said).not.toContain(RIGHT_PASSWORD);
    } finally {
      await shut.stop();
    }
  });
});
