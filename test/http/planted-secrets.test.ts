import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildService, startChild } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/wait.ts';
import { Harvest } from './harvest.ts';
import {
  addServerSinks,
  addWebhook,
  importSubscription,
  sendBadSettings,
} from './planted-operations.ts';
import {
  askEverywhere,
  operate,
  postNotifications,
  sendBrokenRequests,
  tell,
  type World,
} from './planted-questions.ts';
import { startTellingSink } from './telling-sink.ts';

// What these hold is on the disk in clear, as it is delivered; see docs/delivery.md.
const STORED_IN_CLEAR = [
  'unknown-field',
  'resource-data',
  'etag',
  'sink-path',
  'sink-query',
  'sink-host',
];
// Of encrypted content that is what Graph sent, which only the certificate's key opens.
const CIPHERTEXT = ['encrypted-data', 'data-signature', 'data-key', 'certificate-id', 'thumbprint'];
const SINK_ANSWERS = ['body', 'status-text'].map((part) => `answered-${part}`);

describe.each(['test', 'production'])('secrets that are planted, NODE_ENV %s', (environment) => {
  const harvest = new Harvest();
  const folder = temporaryFolder();
  let service: ChildService;
  let world: World;
  let sink: Awaited<ReturnType<typeof startTellingSink>>;
  let webhooks: string[] = [];

  beforeAll(async () => {
    sink = await startTellingSink((part) => harvest.plant(`answered-${part}`));
    const key = harvest.plant('operator-key');
    const env = await environmentOf();
    const start = async (changes: Record<string, string>) => {
      service = await startChild({
        dataDir: join(folder.path, 'data'),
        env: { ...env, OPERATOR_API_KEY: key, ...changes },
      });
      world = { url: service.url, metricsUrl: service.metricsUrl, key, harvest };
    };
    await start({ TRUSTED_PROXIES: '' });
    await fillAndAsk();
    await askForAll();
    await askEverywhere(world);
    await untilLimited();
    await readMetrics();
    await stop('the first start');
    // The same name for another key: nothing that was sealed opens.
    await start({ ENCRYPTION_KEYS: `k1:${harvest.watch('encryption-key', hex())}` });
    await askWithWrongKey();
    await askForAll();
    await stop('the start with another key');
    keepDataFolder();
    await start({ TRUSTED_PROXIES: '127.0.0.0/8' });
    await plantInTheOpen();
    await stop('the start behind a proxy');
    keepDataFolder();
  }, 120_000);

  afterAll(async () => {
    await service.end('SIGKILL');
    await sink.close();
    folder.remove();
  });

  const hex = () => randomBytes(32).toString('hex');

  async function environmentOf(): Promise<Record<string, string>> {
    const certificate = join(folder.path, 'sink.pem');
    writeFileSync(certificate, sink.certificate);
    const away = await freePort();
    const list = (name: string) => harvest.watch(name, hex());
    return {
      NODE_ENV: environment,
      LOG_LEVEL: 'debug',
      ALLOWED_HOSTS: '127.0.0.1',
      NODE_EXTRA_CA_CERTS: certificate,
      SINK_ALLOWED_ADDRESSES: '127.0.0.0/8',
      RATE_LIMIT_MAX: '200',
      RATE_LIMIT_AUTH_MAX: '1000',
      ENCRYPTION_KEYS: `k1:${list('encryption-key')}`,
      ACCESS_TOKEN_SECRETS: `${list('access')},${list('access')}`,
      REFRESH_TOKEN_SECRETS: list('refresh'),
      PRESIGNED_URL_SECRETS: list('presigned'),
      SESSION_SECRETS: list('session'),
      GRAPH_CLIENT_SECRET: harvest.plant('graph-client-secret'),
      MONGODB_SELECTION_TIMEOUT_MS: '500',
      SINK_MONGODB_URL: `mongodb://svc:${harvest.plant('mongodb-pw')}@127.0.0.1:${away}/events`,
      SINK_REDIS_URL: `redis://svc:${harvest.plant('redis-pw')}@127.0.0.1:${away}`,
    };
  }

  async function fillAndAsk(): Promise<void> {
    const clientState = await importSubscription(world);
    const dns = `https://${harvest.plant('sink-host').toLowerCase()}.invalid`;
    const refused = `https://127.0.0.1:${await freePort()}`;
    const wrongName = sink.url.replace('127.0.0.1', '127.0.0.2');
    const answering = ['200', '302', '401', '500', 'broken'].map((part) => `${sink.url}/${part}`);
    webhooks = [];
    for (const url of [...answering, dns, refused, wrongName])
      webhooks.push(await addWebhook(world, url));
    await addServerSinks(world);
    await sendBadSettings(world);
    await postNotifications(world, clientState);
    await until(() => sink.asked() >= 10, 'the sinks are tried', 30_000);
    for (const id of webhooks) {
      await operate(world, ['POST', `/api/sinks/${id}/test`], ...SINK_ANSWERS);
    }
    await sendBrokenRequests(world);
  }

  /** One too many from one address is logged, counted and audited. */
  async function untilLimited(): Promise<void> {
    for (let asked = 0; asked < 400; asked += 1) {
      const path = `/nothing?token=${harvest.plant('limited')}`;
      if ((await tell(world, { method: 'GET', path })).status === 429) return;
    }
    throw new Error('nothing was limited');
  }

  /** Whatever the service shows: lists, single things, health, metrics. */
  async function askForAll(): Promise<void> {
    const given = [...STORED_IN_CLEAR, ...SINK_ANSWERS];
    const notifications = await operate(world, ['GET', '/api/notifications?limit=200']);
    for (const { id } of notifications.body.data ?? [])
      await operate(world, ['GET', `/api/notifications/${id}`], ...given);
    for (const path of ['sinks', ...webhooks.map((id) => `sinks/${id}`)])
      await operate(world, ['GET', `/api/${path}`], 'sink-path', 'sink-query', 'sink-host');
    for (const path of ['subscriptions', 'dead-letters', 'handshakes', 'notifications/replays'])
      await operate(world, ['GET', `/api/${path}`]);
    for (const path of ['/health', '/health/ready', '/api/health', '/health/circuit-breakers'])
      await operate(world, ['GET', path]);
    await readMetrics();
    await readAudit();
  }

  async function readMetrics(): Promise<void> {
    const metrics = { ...world, url: world.metricsUrl };
    await tell(metrics, { method: 'GET', path: `/${harvest.plant('unknown-path')}` });
    const { status, body } = await tell(metrics, { method: 'GET', path: '/metrics' });
    expect([status, body.includes('http_requests_total')]).toEqual([200, true]);
  }

  async function readAudit(...allowed: string[]): Promise<number> {
    let [entries, cursor]: [number, string] = [0, ''];
    do {
      const { status, body } = await operate(
        world,
        ['GET', `/api/audit?limit=200${cursor}`],
        ...allowed,
      );
      expect(status).toBe(200);
      entries += body.data?.length ?? 0;
      cursor = typeof body.nextCursor === 'string' ? `&cursor=${body.nextCursor}` : '';
    } while (cursor !== '');
    expect(entries).toBeGreaterThan(10);
    return entries;
  }

  async function askWithWrongKey(): Promise<void> {
    const [id = ''] = webhooks;
    const rotated = await operate(world, ['POST', `/api/sinks/${id}/rotate-secret`, {}]);
    const tested = await operate(world, ['POST', `/api/sinks/${id}/test`]);
    expect([rotated.status, tested.status]).toEqual([503, 503]);
    await until(
      () => service.lines.some((line) => line.includes('the secrets of a sink cannot be opened')),
      'the lanes cannot open secrets',
    );
  }

  /** What is written down on purpose shows that whatever else is would be found. */
  async function plantInTheOpen(): Promise<void> {
    const headers = {
      'x-api-key': harvest.plant('wrong-key'),
      'user-agent': harvest.plant('open-user-agent'),
      'x-request-id': harvest.plant('open-request-id'),
    };
    await tell(world, { method: 'GET', path: '/api/sinks', headers });
    const notes = { notes: harvest.plant('open-notes') };
    await operate(world, ['PATCH', `/api/sinks/${webhooks[0]}`, notes], 'sink-path', 'sink-query');
    await until(async () => (await readAudit()) > 0, 'the audit');
  }

  async function stop(when: string): Promise<void> {
    await service.end('SIGTERM');
    await until(() => service.lines.some((line) => line.includes('"stopped"')), 'the last line');
    harvest.keep(`stdout of ${when}`, service.lines.join('\n'));
    harvest.keep(`stderr of ${when}`, service.errors());
  }

  function keepDataFolder(): void {
    const data = join(folder.path, 'data');
    const files = readdirSync(data, { recursive: true, withFileTypes: true });
    const plain = files.filter((file) => file.isFile());
    expect(plain.filter(({ name }) => name.endsWith('.db')).length).toBeGreaterThan(1);
    for (const { parentPath, name } of plain) {
      const text = readFileSync(join(parentPath, name), 'latin1');
      const inClear = name.startsWith('inbox.')
        ? [...STORED_IN_CLEAR, ...CIPHERTEXT]
        : STORED_IN_CLEAR;
      harvest.keep(`the file ${name}`, text, ...inClear);
    }
  }

  it('show nowhere, but for what was put in the open', () => {
    const found = harvest.found();
    expect(found.filter((one) => !one.startsWith('open-'))).toEqual([]);
    const open = found.map((one) => one.replace(/ to GET .*/, '').replace(/db-wal$/, 'db'));
    expect(open).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^open-user-agent in stdout of the start behind a proxy$/),
        expect.stringMatching(/^open-user-agent in the answer 200$/),
        expect.stringMatching(/^open-request-id in stdout of the start behind a proxy$/),
        expect.stringMatching(/^open-request-id in the answer 401$/),
        expect.stringMatching(/^open-notes in the file store\.db$/),
      ]),
    );
  });
});
