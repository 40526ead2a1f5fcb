import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { BIN } from '../cli/command.ts';
import { runs, type Need } from '../faults/needs.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import type { ApiAnswer } from '../support/service.ts';
import { until } from '../support/wait.ts';

export const DOCKER: Need = {
  name: 'a container engine, and docker with its compose plugin',
  isThere: () => runs('docker', ['info']) && runs('docker', ['compose', 'version']),
};

export const ROOT = new URL('../../', import.meta.url).pathname;

const TLS = 'test/fixtures/tls';

const FOR_TESTS = [
  'test/containers/receiver.mjs',
  'test/containers/receiver.yml',
  'test/containers/stand-in.yml',
  TLS,
];

// What a clone has of it; what is missing here the image cannot need.
const CLONED = [
  '.dockerignore',
  'Dockerfile',
  'LICENSE',
  'bin',
  'deploy',
  'docker-compose.yml',
  'package-lock.json',
  'package.json',
  'src',
];

/** A fresh clone with an `.env`, under a project name and an image name of its own. */
export interface Project {
  readonly url: string;
  readonly image: string;
  readonly envFile: string;
  /** Runs docker to its end, in the clone; rejects when it fails, with what it said. */
  docker(...args: string[]): Promise<string>;
  compose(...args: string[]): Promise<string>;
  /** Runs the image until it ends by itself. */
  runToEnd(...args: string[]): Promise<{ code: number; said: string }>;
  /** Runs a command in a service's container. */
  exec(service: string, ...command: string[]): Promise<string>;
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** Starts a webhook beside it, and gives its URL as the service sees it. */
  startReceiver(): Promise<string>;
  /** Bodies that the webhook has got. */
  received(): Promise<string[]>;
  /** Removes containers, volumes, networks, the image and the clone. */
  remove(): Promise<void>;
}

export async function openProject(): Promise<Project> {
  const folder = temporaryFolder();
  const name = `sallyport-test-${randomUUID().slice(0, 8)}`;
  const [port, receiverPort] = [await freePort(), await freePort()];
  for (const path of CLONED) {
    cpSync(join(ROOT, path), join(folder.path, path), { recursive: true });
  }
  for (const path of FOR_TESTS) {
    cpSync(join(ROOT, path), join(folder.path, 'for-tests', basename(path)), { recursive: true });
  }
  const run = promisify(execFile);
  const { stdout: env } = await run(process.execPath, [BIN, 'keys', 'generate', '--env']);
  const envFile = join(folder.path, '.env');
  writeFileSync(envFile, env);
  const key = /^OPERATOR_API_KEY=(.*)$/m.exec(env)?.[1] ?? '';
  // Everything as it comes, but for the webhook of the test: its address, and its certificate.
  appendFileSync(
    envFile,
    'SINK_ALLOWED_ADDRESSES=10.0.0.0/8,172.16.0.0/12,192.168.0.0/16\nNODE_EXTRA_CA_CERTS=/data/ca.pem\n',
  );

  const files = ['docker-compose.yml'];

  function start(args: readonly string[]) {
    return run('docker', args, {
      cwd: folder.path,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        ...process.env,
        COMPOSE_PROJECT_NAME: name,
        COMPOSE_FILE: files.join(':'),
        SALLYPORT_IMAGE: name,
        PORT: String(port),
        RECEIVER_PORT: String(receiverPort),
      },
    });
  }
  const docker = async (...args: string[]) => (await start(args)).stdout;
  const compose = (...args: string[]) => docker('compose', ...args);
  const url = `http://127.0.0.1:${port}`;

  async function runToEnd(...args: string[]): Promise<{ code: number; said: string }> {
    // In steps: Podman loses the exit code of a `docker run` that ends at once.
    const id = (await docker('create', ...args)).trim();
    try {
      await docker('start', id);
      const code = Number(await docker('wait', id));
      const { stdout, stderr } = await start(['logs', id]);
      return { code, said: stdout + stderr };
    } finally {
      await docker('rm', '--force', '--volumes', id);
    }
  }

  const { said: version } = await runToEnd('--entrypoint=mongod', 'mongo:8', '--version');
  if (version.startsWith('stand-in')) {
    process.stderr.write('MongoDB is a stand-in: deploy/compose/mongo.sh does not start it\n');
    files.push('for-tests/stand-in.yml');
  }

  async function received(): Promise<string[]> {
    const text = await (await fetch(`http://127.0.0.1:${receiverPort}`)).text();
    return text.split('\n').filter((line) => line !== '');
  }

  return {
    url,
    image: name,
    envFile,
    docker,
    compose,

    runToEnd,

    exec: (service, ...command) => compose('exec', '-T', service, ...command),

    async api(method, path, body) {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const { status, headers } = answer;
      return { status, headers, text, body: text === '' ? undefined : JSON.parse(text) };
    },

    async startReceiver() {
      const named = [...files, 'for-tests/receiver.yml'].flatMap((file) => ['--file', file]);
      await compose(...named, 'up', '--detach', '--no-deps', 'receiver');
      const ca = readFileSync(join(ROOT, TLS, 'TEST-ONLY-receiver.crt.pem'), 'utf8');
      const write = 'printf %s "$0" >/data/ca.pem';
      await compose('exec', '-T', 'sallyport', 'sh', '-c', write, ca);
      await compose('restart', 'sallyport');
      await until(() => answers(`${url}/health/ready`), 'the service is back', 30_000);
      await until(() => answers(`http://127.0.0.1:${receiverPort}`), 'the receiver answers');
      return 'https://receiver.test:3443/';
    },

    received,

    async remove() {
      await compose('down', '--volumes', '--remove-orphans', '--timeout', '0');
      await docker('image', 'rm', '--force', name);
      folder.remove();
    },
  };
}

export function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Of package.json. */
export function readPackage(): {
  scripts: { start: string };
  version: string;
} {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

/** Paths under node_modules that package-lock.json has for development alone. */
export function developmentPackages(): string[] {
  const { packages }: { packages: Record<string, { dev?: boolean }> } = JSON.parse(
    readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
  );
  return Object.keys(packages).filter((path) => packages[path]?.dev === true);
}
