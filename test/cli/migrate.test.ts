import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { arrivals, post, seeded } from '../faults/load.ts';
import { startChild } from '../support/child-service.ts';
import { openEmbedded } from '../support/embedded.ts';
import { fillStores } from '../support/filled-stores.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver } from '../support/receiver.ts';
import { serverEnv } from '../support/server-env.ts';
import { askApi, importSamples } from '../support/service.ts';
import { describeOn, describeOnServers } from '../support/services.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';
import { cells, runCommand, startCommand } from './command.ts';

// `npm run test:long` moves 100,000, and kills it three times.
const ROWS = Number(process.env['MIGRATE_ROWS'] ?? 600);
const IS_LONG = ROWS > 10_000;
const KILLS = IS_LONG ? 3 : 1;
const SEED = Number(process.env['MIGRATE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const PER_ROW_MS = 15;
const random = seeded(SEED);
const ITEMS = 40;

interface Report {
  readonly equal: boolean;
  readonly resumed: boolean;
  readonly kinds: readonly { kind: string; rows: number; rowsInTarget: number }[];
}

await describeOnServers('sallyport migrate, killed', ({ mongodb, redis }) => {
  const folder = temporaryFolder();
  const env = serverEnv({ mongodb: mongodb.url, redis: redis.url });
  const target = new MongoClient(env['MONGODB_URL'] ?? '');
  const client = target.db();
  const moved = async () => {
    const counts = ['notifications', 'deliveries'].map((name) =>
      client.collection(name).estimatedDocumentCount(),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count);
  };
  const ids = Array.from({ length: ITEMS }, () => randomUUID());
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let slow: TcpProxy | undefined;

  beforeAll(
    async () => {
      receiver = await startReceiver();
      receiver.answer({ status: 503 });
      await leaveWorkUndone();
      const { close, ...stores } = await openEmbedded(folder.path);
      await fillStores(stores, ROWS);
      await close();
    },
    60_000 + ROWS * PER_ROW_MS,
  );
  afterAll(async () => {
    await slow?.close();
    await target.close();
    await receiver.close();
    folder.remove();
  });

  /** A service whose sink refuses everything, and which is killed before it can try again. */
  async function leaveWorkUndone(): Promise<void> {
    const { ENCRYPTION_KEYS = '' } = env;
    const service = await startChild({ dataDir: folder.path, env: { ENCRYPTION_KEYS } });
    const api = (method: string, path: string, body?: unknown) =>
      askApi(service.url, { method, path, body });
    await importSamples({ api });
    await api('POST', '/api/sinks', { name: 'hook', kind: 'webhook', url: receiver.url });
    expect(await post(service.url, ids)).toBe(true);
    await until(() => receiver.received.length >= 5, 'the sink refuses some');
    await service.end('SIGKILL');
  }

  it(
    'goes on where it was, and ends with the same on both sides',
    async () => {
      const args = ['migrate', '--from', folder.path, '--json'];
      slow = await startTcpProxy(mongodb.port);
      const total = 3 * ROWS;
      if (!IS_LONG) slow.slow(20); // or it would be done before it could be killed
      const slowly = { ...env, MONGODB_URL: slow.urlFor(env['MONGODB_URL'] ?? '') };
      const startedAt = performance.now();
      const killedAt: number[] = [];
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const enough = (total * (kill - 1 + 0.1 + 0.7 * random())) / KILLS;
        const running = startCommand(args, { env: slowly });
        await until(
          async () => (await moved()) >= enough,
          'some is moved',
          60_000 + ROWS * PER_ROW_MS,
        );
        const { stdout } = await running.end('SIGKILL');
        killedAt.push(await moved());
        expect(stdout).toBe('');
      }
      // Half-way indeed, or nothing was shown.
      for (const count of killedAt) {
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThan(total);
      }
      const other = temporaryFolder();
      await expect(startChild({ dataDir: other.path, env })).rejects.toThrow(
        /^the service ended \(1\): What is being moved into the database \S+ is not all there: run "sallyport migrate" again/,
      );
      other.remove();
      const { code, stdout, stderr } = await runCommand(args, { env });
      if (code !== 0) throw new Error(`exit code ${code}, seed ${SEED}: ${stderr.slice(-2000)}`);
      expect(stderr).toMatch(/ENCRYPTION_KEYS and the OPERATOR_API_KEY of the source/);
      const report: Report = JSON.parse(stdout);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      process.stdout.write(
        `migrate: ${JSON.stringify({ seed: SEED, rows: ROWS, killedAt, seconds })}\n`,
      );
      expect(report).toMatchObject({ equal: true, resumed: true });
      for (const { rows, rowsInTarget } of report.kinds) {
        expect(rows).toBeGreaterThan(0);
        expect(rowsInTarget).toBe(rows);
      }
      expect(report.kinds.find(({ kind }) => kind === 'notifications')?.rows).toBeGreaterThan(ROWS);
    },
    120_000 + ROWS * PER_ROW_MS,
  );

  // The stand-in for MongoDB reads a whole collection for a range of it: with so many rows a service
  // on it does little else.
  (IS_LONG ? it.skip : it)('leaves a service to deliver what was due', async () => {
    const refused = receiver.received.length;
    receiver.answer({});
    const missing = () => {
      const counts = arrivals(receiver.received.slice(refused).map(({ body }) => body));
      return ids.filter((id) => !counts.has(id));
    };
    const other = temporaryFolder();
    const service = await startChild({ dataDir: other.path, env });
    try {
      await until(() => missing().length === 0, 'all that was due arrives', 45_000);
    } finally {
      await service.end('SIGKILL');
      other.remove();
    }
  });
});

await describeOn('mongodb', 'sallyport migrate', (server) => {
  const folder = temporaryFolder();
  const { MONGODB_URL = '', ENCRYPTION_KEYS = '' } = serverEnv({
    mongodb: server.url,
    redis: '',
  });
  const migrate = (line: string, env: Record<string, string> = {}) =>
    runCommand(['migrate', ...line.split(' ').filter(Boolean)], { env });
  const from = `--from ${folder.path}`;

  beforeAll(async () => {
    const { close, ...stores } = await openEmbedded(folder.path);
    await fillStores(stores, 20);
    await close();
  });
  afterAll(() => folder.remove());

  it('tells what it would move, what it has moved, and where the two differ', async () => {
    const dry = await migrate(`${from} --dry-run`);
    expect(dry.code).toBe(0);
    const [head, ...rows] = cells(dry);
    expect(head).toEqual(['KIND', 'ROWS', 'SHA256']);
    expect(rows.map(([kind]) => kind)).toEqual(expect.arrayContaining(['sinks', 'receipts']));

    const done = await migrate(from, { MONGODB_URL });
    expect(done.code).toBe(0);
    expect(cells(done)).toEqual([
      ['KIND', 'ROWS', 'IN TARGET', 'SHA256', 'RESULT'],
      ...rows.map(([kind = '', count = '', digest = '']) => [kind, count, count, digest, 'ok']),
    ]);

    const client = new MongoClient(MONGODB_URL);
    const target = client.db();
    const sinks = target.collection('sinks');
    await sinks.updateOne({ name: 'sink 0' }, { $set: { notes: 'x' } });
    const differing = await migrate(from, { MONGODB_URL });
    expect(differing.code).toBe(1);
    expect(
      cells(differing).flatMap(([kind, , , , result]) => (result === 'different' ? [kind] : [])),
    ).toEqual(['sinks']);
    expect(differing.stderr).toMatch(
      /^sallyport: Source and target differ in sinks: sinks \S+ is different; they were equal at \S+, before a service worked in the target; to move anew, without what it did there, drop the target database and run this again\n$/,
    );

    await sinks.updateOne({ name: 'sink 0' }, { $set: { createdAt: 1.5 } });
    const unreadable = await migrate(from, { MONGODB_URL });
    expect(unreadable.code).toBe(1);
    expect(unreadable.stderr).toMatch(
      /^sallyport: sinks \S+ of the target cannot be read \(createdAt: expected int\): mend it, or drop/,
    );

    await target.dropDatabase();
    await client.close();
    expect((await migrate(from, { MONGODB_URL })).code).toBe(0);
  });

  it('says what is missing, or too much', async () => {
    for (const [line, env, about] of [
      ['', { MONGODB_URL }, /one source: --from <folder>, or SOURCE_MONGODB_URL/],
      [from, { MONGODB_URL, SOURCE_MONGODB_URL: MONGODB_URL }, /Say one source/],
      [from, {}, /The target is missing: set MONGODB_URL/],
    ] as const) {
      const { code, stderr } = await migrate(line, env);
      expect({ line, code }).toEqual({ line, code: 2 });
      expect(stderr).toMatch(about);
    }
  });

  it('names the variable of a server that does not answer, and never its password', async () => {
    const away = 'mongodb://user:pass-7f3a@127.0.0.1:1/x';
    const soon = {
      MONGODB_SELECTION_TIMEOUT_MS: '200',
      SOURCE_MONGODB_SELECTION_TIMEOUT_MS: '200',
    };
    const target = await migrate(from, { ...soon, MONGODB_URL: away });
    const source = await migrate('', { ...soon, MONGODB_URL, SOURCE_MONGODB_URL: away });
    expect([target.code, source.code]).toEqual([1, 1]);
    expect(target.stderr).toMatch(/127\.0\.0\.1:1 does not answer.* check MONGODB_URL/);
    expect(source.stderr).toMatch(/127\.0\.0\.1:1 does not answer.* check SOURCE_MONGODB_URL/);
    expect(target.stderr + source.stderr).not.toContain('7f3a');
  });

  it('refuses while the service runs', async () => {
    const service = await startChild({ dataDir: folder.path, env: { ENCRYPTION_KEYS } });
    const { code, stderr } = await migrate(`${from} --dry-run`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/in use by another Sallyport/);
    await service.end('SIGTERM');
  });
});
