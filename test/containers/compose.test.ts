import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeWith } from '../faults/needs.ts';
import { arrivals, startLoad } from '../faults/load.ts';
import { freePort } from '../support/free-port.ts';
import { importSamples } from '../support/service.ts';
import { until } from '../support/wait.ts';
import {
  answers,
  developmentPackages,
  DOCKER,
  openProject,
  type Project,
  readPackage,
  ROOT,
} from './project.ts';

jest.setTimeout(120_000);

const NAME = 'the image, and docker-compose.yml as it comes';
const SERVICES = ['sallyport', 'mongo', 'redis'];
const HARDENED = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL'];

// Minutes, and an image that is built: by `npm run test:long`.
if (process.env['CONTAINERS'] === '1') {
  describeWith(DOCKER, NAME, suite);
} else {
  process.stderr.write(`LEFT OUT: ${NAME}: run it by npm run test:long\n`);
  describe.skip(NAME, suite);
}

function suite(): void {
  let project: Project;

  beforeAll(async () => {
    project = await openProject();
    try {
      await project.compose('build', '--quiet');
      const startedAt = performance.now();
      await project.compose('up', '--wait', '--wait-timeout', '120');
      const upMs = Math.round(performance.now() - startedAt);
      const bytes = await project.docker('image', 'inspect', '-f', '{{.Size}}', project.image);
      const figures = { imageMb: Math.round(Number(bytes) / 1e6), upMs };
      process.stdout.write(`docker compose up: ${JSON.stringify(figures)}\n`);
    } catch (error) {
      process.stderr.write(await project.compose('logs', '--tail', '30'));
      throw error;
    }
    await importSamples(project);
    const url = await project.startReceiver();
    const sink = { name: 'receiver', kind: 'webhook', url };
    expect((await project.api('POST', '/api/sinks', sink)).status).toBe(201);
  }, 290_000);
  afterAll(() => project?.remove());

  it('answers on its port, and every service is healthy', async () => {
    expect((await fetch(`${project.url}/health/ready`)).status).toBe(200);
    const healthy = async () => {
      const lines = await project.compose('ps', '--format', 'json', ...SERVICES);
      const states = lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).Health);
      return states.length === SERVICES.length && states.every((state) => state === 'healthy');
    };
    // The service has been started anew for the certificate of the test.
    await until(healthy, 'all are healthy', 60_000);
  });

  it.each(SERVICES)('runs %s without root, capabilities and a writable root', async (service) => {
    expect(Number(await project.exec(service, 'id', '-u'))).toBeGreaterThan(0);
    const status = await project.exec(service, 'cat', '/proc/self/status');
    expect(status).toMatch(/^CapEff:\s0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s1$/m);
    for (const folder of ['/', '/usr', '/etc']) {
      await expect(project.exec(service, 'touch', `${folder}/written`)).rejects.toThrow(
        /Read-only file system/,
      );
    }
  });

  it('has Redis as the queues need it, behind a password', async () => {
    const setting = (name: string) => project.exec('redis', 'redis-cli', 'CONFIG', 'GET', name);
    expect(await setting('maxmemory-policy')).toBe('maxmemory-policy\nnoeviction\n');
    expect(await setting('appendonly')).toBe('appendonly\nyes\n');
    const stranger = ['exec', '-T', '-e', 'REDISCLI_AUTH=', 'redis', 'redis-cli', 'PING'];
    expect(await project.compose(...stranger)).toMatch(/^NOAUTH/);
  });

  it('keeps development packages and secrets out of the image', async () => {
    const all = ['npm', 'ls', '--omit=dev', '--all', '--parseable'];
    const listed = (await project.exec('sallyport', ...all)).trim().split('\n');
    const installed = new Set(listed.map((path) => path.replace('/app/', '')));
    expect(installed).toContain('node_modules/koa');
    expect(developmentPackages().filter((path) => installed.has(path))).toEqual([]);
    const onDisk = await project.exec('sallyport', 'ls', '-A', '/app', '/app/node_modules');
    const names = onDisk.split(/\s+/);
    expect(names).toContain('src');
    for (const name of ['.env', 'jest', 'node', 'typescript']) expect(names).not.toContain(name);

    const inspected = await project.docker('image', 'inspect', project.image);
    const history = await project.docker('history', '--no-trunc', project.image);
    for (const [, secret = ''] of readFileSync(project.envFile, 'utf8').matchAll(/=(.{32,})/g)) {
      expect((inspected + history).includes(secret)).toBe(false);
    }
  });

  it('runs with the flags of npm start, and says what it is', async () => {
    const { scripts, version } = readPackage();
    const flags = scripts.start.split(' ').filter((word) => !word.startsWith('--env-file'));
    const [{ Config }] = JSON.parse(await project.docker('image', 'inspect', project.image));
    expect(Config.Cmd).toEqual(flags);
    expect(Config.User).toBe('1000:1000');
    expect(Config.Labels).toMatchObject({
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': version,
    });
  });

  it('has the command inside', async () => {
    for (const command of [['sallyport'], ['node', 'bin/sallyport.mjs']]) {
      const status = await project.exec('sallyport', ...command, 'status', '--json');
      expect(JSON.parse(status)).toMatchObject({ status: 'healthy' });
    }
  });

  const stops: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['restart', () => project.compose('restart', '--timeout', '20', ...SERVICES)],
    [
      'kill, and up',
      async () => {
        await project.compose('kill', ...SERVICES);
        await project.compose('up', '--wait', '--wait-timeout', '120');
      },
    ],
  ];

  it.each(stops)('loses nothing by %s under load', async (name, stop) => {
    const load = startLoad({
      url: () => project.url,
      connections: 4,
      batch: 2,
      prefix: `${name}-`,
    });
    await until(() => load.acknowledged.size > 100, 'it acknowledges');
    await stop();
    const before = load.acknowledged.size;
    await until(() => load.acknowledged.size > before + 100, 'it goes on', 60_000);
    await load.stop();
    const missing = async () => {
      const arrived = arrivals(await project.received());
      return [...load.acknowledged].filter((id) => !arrived.has(id));
    };
    await until(
      async () => {
        await sleep(200);
        return (await missing()).length === 0;
      },
      'all that was acknowledged arrives',
      60_000,
    );
    const figures = { acknowledged: load.acknowledged.size, lost: (await missing()).length };
    process.stdout.write(`docker compose ${name}: ${JSON.stringify(figures)}\n`);
  });

  it('has keys of the queues in Redis after that, and receipts in MongoDB', async () => {
    const keys = await project.exec('redis', 'redis-cli', '--scan', '--pattern', '*');
    expect(keys).toMatch(/^sallyport\.internal:/m);
    const { body } = await project.api('GET', '/api/notifications?limit=1');
    expect(body.data).toHaveLength(1);
  });

  it('starts a MongoDB with users whatever its mongod says, and keeps their passwords from then on', async () => {
    const start = async () => {
      const { said } = await project.runToEnd(
        ...HARDENED,
        '--user=mongodb',
        `--volume=${project.image}-db:/data/db`,
        `--volume=${ROOT}deploy/compose:/etc/sallyport:ro`,
        `--volume=${ROOT}test/containers/fake-mongo:/fake:ro`,
        '--env=PATH=/fake:/usr/bin:/bin',
        '--entrypoint=bash',
        'mongo:8',
        '/etc/sallyport/mongo.sh',
      );
      return said
        .trim()
        .split('\n')
        .map((line) => line.slice(1, -1));
    };
    try {
      const first = await start();
      const [command, files, keyBytes, , url] = first;
      expect(command).toMatch(
        /^mongod --bind_ip_all --replSet rs0 --keyFile \/data\/db\/secrets\/key-file /,
      );
      const kept = ['key-file', 'root', 'sallyport'].map((name) => `/data/db/secrets/${name} 400`);
      expect(files).toBe(kept.map((file) => `${file} mongodb`).join(' '));
      expect(Number(keyBytes)).toBe(1000); // MongoDB takes 6 to 1024
      expect(url).toMatch(
        /^mongodb:\/\/sallyport:[0-9a-f]{64}@mongo:27017\/sallyport\?authSource=admin&replicaSet=rs0$/,
      );
      expect(await start()).toEqual(first);
    } finally {
      await project.docker('volume', 'rm', '--force', `${project.image}-db`);
    }
  });

  describe('the image alone', () => {
    const runToEnd = (...args: string[]) => project.runToEnd(...HARDENED, ...args);

    it('keeps everything in /data, and stops in order as process 1', async () => {
      const port = await freePort();
      const startedAt = performance.now();
      const run = ['run', '--detach', `--env-file=${project.envFile}`, ...HARDENED];
      const published = `--publish=127.0.0.1:${port}:8010`;
      const id = (await project.docker(...run, published, project.image)).trim();
      try {
        const url = `http://127.0.0.1:${port}`;
        await until(() => answers(`${url}/health`), 'it answers');
        const startMs = Math.round(performance.now() - startedAt);
        process.stdout.write(`docker run, until it answers: ${startMs} ms\n`);
        const handshake = `${url}/webhooks/graph?validationToken=hello`;
        expect(await (await fetch(handshake, { method: 'POST' })).text()).toBe('hello');
        expect(await project.docker('exec', id, 'ls', '/data')).toMatch(/^inbox\.db$/m);

        await project.docker('stop', '--time', '20', id);
        expect(await project.docker('inspect', '-f', '{{.State.ExitCode}}', id)).toBe('0\n');
        expect(await project.docker('logs', id)).toMatch(/"signal":"SIGTERM"[^]*"stopped"/);
      } finally {
        await project.docker('rm', '--force', '--volumes', id);
      }
    });

    it('does not start without secrets, and says which', async () => {
      const { code, said } = await runToEnd(project.image);
      expect(code).toBe(1);
      expect(said).toMatch(/ENCRYPTION_KEYS is missing[^]*OPERATOR_API_KEY is missing/);
    });

    it('takes secrets from files, and does not start without them', async () => {
      const ring = /^ENCRYPTION_KEYS=(.*)$/m.exec(readFileSync(project.envFile, 'utf8'))?.[1] ?? '';
      const path = `${project.envFile}.ring`;
      writeFileSync(path, `${ring}\n`, { mode: 0o644 });
      const file = `--volume=${path}:/run/secrets/ring:ro`;
      const named = '--env=ENCRYPTION_KEYS_FILE=/run/secrets/ring';
      const rotate = [project.image, 'sallyport', 'keys', 'rotate', '--json'];
      const { code, said } = await runToEnd(file, named, ...rotate);
      expect(code).toBe(0);
      expect(JSON.parse(said).add.split(',')[0]).toBe(ring);
      const none = await runToEnd(named, project.image);
      expect(none.code).toBe(1);
      expect(none.said).toContain('ENCRYPTION_KEYS_FILE names a file that cannot be read (ENOENT)');
    });
  });
}
