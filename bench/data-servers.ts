import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { answers, freePort } from '../test/support/free-port.ts';
import { withDatabase } from '../test/support/mongo.ts';
import { until } from '../test/support/wait.ts';
import { endWithRun } from './servers.ts';

/** A MongoDB and a Redis to measure on. */
export interface DataServers {
  readonly redisUrl: string;
  /** The environment of a service on both, in a new database. */
  newEnv(): Record<string, string>;
  /** Removes those databases, and ends what was started here. */
  close(): Promise<void>;
}

interface DataServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Uses what `TEST_MONGODB_URL` and `TEST_REDIS_URL` name; else starts processes of its own. */
export async function openDataServers(): Promise<DataServers> {
  const { TEST_MONGODB_URL, TEST_REDIS_URL, MONGOD_BINARY = 'mongod' } = process.env;
  const mongodb = given(TEST_MONGODB_URL) ?? (await start('mongodb', MONGOD_BINARY, mongodArgs));
  const redis = given(TEST_REDIS_URL) ?? (await start('redis', 'redis-server', redisArgs));
  const databases: string[] = [];

  return {
    redisUrl: redis.url,

    newEnv() {
      const name = `sallyport-bench-${randomUUID().slice(0, 8)}`;
      databases.push(name);
      return {
        STORAGE: 'servers',
        MONGODB_URL: withDatabase(mongodb.url, name),
        REDIS_URL: redis.url,
        ENCRYPTION_KEYS: `bench:${'0f6c1d84b2a97e35'.repeat(4)}`,
      };
    },

    async close() {
      const client = new MongoClient(mongodb.url);
      for (const name of databases) await client.db(name).dropDatabase();
      await client.close();
      await Promise.all([mongodb.stop(), redis.stop()]);
    },
  };
}

function given(url: string | undefined): DataServer | undefined {
  return url === undefined ? undefined : { url, stop: async () => undefined };
}

type Arguments = (port: string, folder: string) => string[];

const mongodArgs: Arguments = (port, folder) => {
  return ['--port', port, '--bind_ip', '127.0.0.1', '--dbpath', folder];
};

const redisArgs: Arguments = (port, folder) => {
  return ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
};

async function start(scheme: string, binary: string, args: Arguments): Promise<DataServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const port = await freePort();
  const child = spawn(binary, args(String(port), folder), { stdio: 'ignore' });
  await once(child, 'spawn');
  endWithRun(child, folder);
  await until(() => child.exitCode !== null || answers(port), `${binary} listens`, 20_000);
  if (child.exitCode !== null) throw new Error(`${binary} ended with ${child.exitCode}`);
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
