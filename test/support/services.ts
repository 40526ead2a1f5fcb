import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, describe, it } from '@jest/globals';
import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import { temporaryFolder } from './folder.ts';
import { answers, freePort } from './free-port.ts';
import { until } from './wait.ts';

export type ServerKind = 'mongodb' | 'redis';

/** A real server that tests may use; it may be shared, so names in it are the test's own. */
export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** A server that is a process of the test's own, to be stopped, killed and started again. */
export interface ServerProcess extends TestServer {
  readonly port: number;
  signal(signal: NodeJS.Signals): void;
  /** Ends it as by a power cut of the process, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on its port and on what it kept. */
  start(): Promise<void>;
}

const PORTS: Readonly<Record<ServerKind, number>> = { mongodb: 27_017, redis: 6379 };
const IMAGES: Readonly<Record<ServerKind, string>> = {
  mongodb: process.env['TEST_MONGODB_IMAGE'] ?? 'mongo:8',
  redis: process.env['TEST_REDIS_IMAGE'] ?? 'redis:7',
};
const GIVEN: Readonly<Record<ServerKind, string | undefined>> = {
  mongodb: process.env['TEST_MONGODB_URL'],
  redis: process.env['TEST_REDIS_URL'],
};
const BINARIES: Readonly<Record<ServerKind, string>> = {
  mongodb: process.env['MONGOD_BINARY'] ?? 'mongod',
  redis: 'redis-server',
};

/**
 * A suite on a real server, found as design §10 says: a URL of the environment, else a container,
 * else a local binary. Where there is none it is left out, loudly; with `REQUIRE_SERVICES=1` that is
 * a failure.
 */
export async function describeOn(
  kind: ServerKind,
  name: string,
  suite: (server: TestServer) => void,
): Promise<void> {
  await describeFound(kind, name, await findServer(kind), suite);
}

/** The same on a process of the suite's own, which only a local binary gives. */
export async function describeOnProcess(
  kind: ServerKind,
  name: string,
  suite: (server: ServerProcess) => void,
): Promise<void> {
  const server = hasBinary(kind) ? await startServerProcess(kind) : undefined;
  await describeFound(kind, name, server, suite);
}

/** A MongoDB and a Redis, each a process of the suite's own. */
export interface ServerPair {
  readonly mongodb: ServerProcess;
  readonly redis: ServerProcess;
}

/** A suite on both servers, each a process of the suite's own. */
export async function describeOnServers(
  name: string,
  suite: (servers: ServerPair) => void,
): Promise<void> {
  const missing = (['mongodb', 'redis'] as const).find((kind) => !hasBinary(kind));
  await describeFound(missing ?? 'mongodb', name, missing ? undefined : await startPair(), suite);
}

async function startPair(): Promise<ServerPair & { stop(): Promise<void> }> {
  const [mongodb, redis] = await Promise.all([
    startServerProcess('mongodb'),
    startServerProcess('redis'),
  ]);
  return {
    mongodb,
    redis,
    async stop() {
      await Promise.all([mongodb.stop(), redis.stop()]);
    },
  };
}

async function describeFound<S extends { stop(): Promise<void> }>(
  kind: ServerKind,
  name: string,
  server: S | undefined,
  suite: (server: S) => void,
): Promise<void> {
  if (server !== undefined) {
    describe(name, () => {
      suite(server);
      // Hooks run in the order they are made: what stands on the server ends before it.
      afterAll(() => server.stop());
    });
  } else if (process.env['REQUIRE_SERVICES'] === '1') {
    it(`${name}: needs ${kind}`, () => {
      throw new Error(`no ${kind} found, and REQUIRE_SERVICES=1: ${REMEDY}`);
    });
  } else {
    process.stderr.write(`LEFT OUT: ${name}: no ${kind} found: ${REMEDY}\n`);
    describe.skip(name, () => {
      it(`needs ${kind}`, () => undefined);
    });
  }
}

const REMEDY =
  'start Docker, or install redis-server and mongod (or name it by MONGOD_BINARY), or set TEST_REDIS_URL and TEST_MONGODB_URL';

async function findServer(kind: ServerKind): Promise<TestServer | undefined> {
  const url = GIVEN[kind];
  if (url !== undefined) return { url, stop: async () => undefined };
  if (await hasContainerEngine()) return startContainer(kind);
  return hasBinary(kind) ? startServerProcess(kind) : undefined;
}

async function hasContainerEngine(): Promise<boolean> {
  try {
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false;
  }
}

async function startContainer(kind: ServerKind): Promise<TestServer> {
  const container = await new GenericContainer(IMAGES[kind]).withExposedPorts(PORTS[kind]).start();
  const address = `${container.getHost()}:${container.getMappedPort(PORTS[kind])}`;
  return {
    url: `${kind}://${address}`,
    stop: async () => void (await container.stop()),
  };
}

function hasBinary(kind: ServerKind): boolean {
  const binary = BINARIES[kind];
  return binary.includes('/')
    ? existsSync(binary)
    : spawnSync(binary, ['--version'], { stdio: 'ignore', timeout: 5000 }).status === 0;
}

/** Starts a server of the kind on a free port, with more options of its own where given. */
export async function startServerProcess(
  kind: ServerKind,
  options: { more?: readonly string[] } = {},
): Promise<ServerProcess> {
  const folder = temporaryFolder();
  const port = await freePort();
  let child: ChildProcess;

  async function start(): Promise<void> {
    const args = ARGUMENTS[kind](port, folder.path);
    child = spawn(BINARIES[kind], [...args, ...(options.more ?? [])], { stdio: 'ignore' });
    const started = child;
    await until(() => started.exitCode !== null || answers(port), `${kind} listens`, 20_000);
    if (started.exitCode !== null) throw new Error(`${kind} ended with ${started.exitCode}`);
  }

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  await start();
  return {
    url: `${kind}://127.0.0.1:${port}`,
    port,
    signal: (signal) => void child.kill(signal),
    kill,
    start,
    async stop() {
      await kill();
      folder.remove();
    },
  };
}

const ARGUMENTS: Readonly<Record<ServerKind, (port: number, folder: string) => string[]>> = {
  mongodb: (port, folder) => ['--port', `${port}`, '--bind_ip', '127.0.0.1', '--dbpath', folder],
  redis: (port, folder) => [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
  ],
};
