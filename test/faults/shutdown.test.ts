import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildService, startChild } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { importSamples, askApi } from '../support/service.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/wait.ts';
import { anItem, seeded } from './load.ts';

const ROUNDS = 10;
const CLIENTS = 20;
const SEED = Number(process.env['SHUTDOWN_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = seeded(SEED);

interface Outcome {
  readonly answered: number;
  readonly statuses: ReadonlySet<number | undefined>;
  /** What ended requests that had been sent, by code. */
  readonly failed: readonly string[];
}

/** Asks on one connection after the other as soon as there is an answer, until nobody listens. */
async function askUntilRefused(url: string, connected: () => void): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const statuses = new Set<number | undefined>();
  const failed: string[] = [];
  let answered = 0;
  for (;;) {
    const end = await askOnce(url, agent, answered);
    if (typeof end === 'string') {
      if (end !== 'ECONNREFUSED') failed.push(end);
      break;
    }
    statuses.add(end);
    answered += 1;
    if (answered === 1) connected();
  }
  agent.destroy();
  return { answered, statuses, failed };
}

const ASKED = [
  { method: 'POST', path: '/webhooks/graph?validationToken=abc', body: '' },
  { method: 'POST', path: '/webhooks/graph', body: JSON.stringify({ value: [anItem('n-1')] }) },
  { method: 'GET', path: '/api/health', body: '' },
];

function askOnce(url: string, agent: Agent, turn: number): Promise<number | string> {
  const { method, path, body } = ASKED[turn % ASKED.length] ?? {
    method: 'GET',
    path: '',
    body: '',
  };
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
    const asked = request(url + path, { agent, method, headers });
    asked.on('response', (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      answer.on('error', (error) => resolve(error.message));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.end(body);
  });
}

describe('SIGTERM', () => {
  const folder = temporaryFolder();
  let service: ChildService | undefined;
  afterEach(async () => {
    await service?.end('SIGKILL');
    service = undefined;
  });

  it(`lets every request in flight end, ${ROUNDS} times under load, and exits with 0`, async () => {
    const found: object[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = await startChild({ dataDir: folder.path });
      service = child;
      if (round === 0) await importSamples({ api: askSelf(child.url) });
      let connected = 0;
      const load = Array.from({ length: CLIENTS }, () =>
        askUntilRefused(child.url, () => void (connected += 1)),
      );
      // Whoever connects at the very moment is the load balancer's to spare: that is DRAIN_DELAY_MS.
      await until(() => connected === CLIENTS, 'all have had an answer');
      await new Promise((resolve) => {
        setTimeout(resolve, 300 * random());
      });
      const code = await child.end('SIGTERM');
      const outcomes = await Promise.all(load);
      const failed = outcomes.flatMap((outcome) => outcome.failed);
      const statuses = new Set(outcomes.flatMap((outcome) => [...outcome.statuses]));
      const answered = outcomes.reduce((sum, outcome) => sum + outcome.answered, 0);
      expect(answered).toBeGreaterThan(CLIENTS);
      found.push({ code, failed, statuses, errors: child.errors() });
    }
    process.stdout.write(`shutdown: ${JSON.stringify({ seed: SEED, rounds: ROUNDS })}\n`);
    for (const round of found) {
      expect(round).toEqual({ code: 0, failed: [], statuses: new Set([200, 202]), errors: '' });
    }
  }, 120_000);

  it('says each step, in order, and on one line each', async () => {
    service = await startChild({ dataDir: folder.path, env: { DRAIN_DELAY_MS: '200' } });
    expect(await service.end('SIGTERM')).toBe(0);
    const messages = await allMessages(service);
    expect(messages.slice(-6)).toEqual([
      'stopping',
      'draining',
      'what was in flight is answered',
      'workers have stopped',
      'stores are closed',
      'stopped',
    ]);
  });

  it('is told to load balancers before anybody is turned away', async () => {
    service = await startChild({ dataDir: folder.path, env: { DRAIN_DELAY_MS: '4000' } });
    const { url } = service;
    const ended = service.end('SIGTERM');
    await until(async () => (await fetch(`${url}/health/ready`)).status === 503, 'not ready');
    const served = await fetch(`${url}/webhooks/graph?validationToken=abc`, { method: 'POST' });
    expect([served.status, await served.text()]).toEqual([200, 'abc']);
    expect(served.headers.get('connection')).toBe('close');
    expect(await ended).toBe(0);
  });

  it('aborts a call to a sink that hangs, and the request that waits for it', async () => {
    const receiver = await startReceiver();
    receiver.answer({ instead: 'hang' });
    service = await startChild({ dataDir: folder.path });
    const { url } = service;
    const sink = { name: 'hung', kind: 'webhook', url: receiver.url };
    const { body } = await askApi(url, { method: 'POST', path: '/api/sinks', body: sink });
    const testing = askApi(url, { method: 'POST', path: `/api/sinks/${body.id}/test` });
    await until(() => receiver.received.length > 0, 'the sink is called');
    expect(await service.end('SIGTERM')).toBe(0);
    expect((await testing).status).toBe(503);
    await receiver.close();
  });

  it('has a name for what nobody caught, and then exits with 1', async () => {
    const bug =
      "process.on('SIGWINCH', () => { throw new Error('a bug, token=TEST-ONLY-planted') })";
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(bug)}`;
    service = await startChild({ dataDir: folder.path, env: { NODE_OPTIONS } });
    const { lines, pid } = service;
    process.kill(pid, 'SIGWINCH');
    await until(() => !isAlive(pid), 'the end');
    expect(await service.end('SIGKILL')).toBe(1);
    await allMessages(service);
    const told = lines.map((line) => JSON.parse(line)).find(({ level }) => level === 'error');
    expect(told).toMatchObject({
      msg: 'stopping after an error',
      err: {
        type: 'Error',
        message: 'a bug, token=[secret]',
        stack: expect.stringContaining('at'),
      },
    });
  });

  it.each([
    ['never sends the rest', true, 1, 'POST /api/sinks HTTP/1.1\r\nContent-Length: 9\r\n'],
    ['never reads', false, 20_000, 'GET /health HTTP/1.1\r\n'],
  ])('cuts off a client that %s, and ends in order', async (_what, isCut, times, head) => {
    service = await startChild({ dataDir: folder.path, env: { SHUTDOWN_TIMEOUT_MS: '4000' } });
    const { hostname, port } = new URL(service.url);
    const bad = connect(Number(port), hostname).on('error', () => undefined);
    await once(bad, 'connect');
    bad.pause();
    const key = 'X-API-Key: TEST-ONLY-operator-key-7f3a9c51d2e84b06';
    const headers = `Host: localhost\r\nContent-Type: application/json\r\n${key}\r\n\r\n`;
    // What stands behind the first request in one packet arrives with it.
    bad.write(`GET /health HTTP/1.1\r\n${headers}${`${head}${headers}`.repeat(times)}`);
    const { metricsUrl } = service;
    await until(() => hasAnsweredHealth(metricsUrl), 'it has arrived');
    // Not 1: it was not given up, which it would be after its time.
    expect(await service.end('SIGTERM')).toBe(0);
    const messages = await allMessages(service);
    expect(messages).toContain('stores are closed');
    if (isCut) expect(messages).toContain('clients that did not end were cut off');
    bad.destroy();
  });

  it('does not take an idle connection for one that hangs', async () => {
    service = await startChild({ dataDir: folder.path, env: { SHUTDOWN_TIMEOUT_MS: '4000' } });
    const agent = new Agent({ keepAlive: true });
    expect(await askOnce(service.url, agent, 0)).toBe(200);
    expect(await service.end('SIGTERM')).toBe(0);
    expect((await allMessages(service)).join('\n')).not.toContain('cut off');
    agent.destroy();
  });
});

/** The messages of a process that has stopped, to the last: its output is read apart from its end. */
async function allMessages({ lines }: ChildService): Promise<readonly string[]> {
  const messages = () => lines.map((line): string => JSON.parse(line).msg);
  await until(() => messages().at(-1) === 'stopped', 'its last line');
  return messages();
}

async function hasAnsweredHealth(metricsUrl: string): Promise<boolean> {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  return /^http_requests_total\{.*route="\/health".*\} [1-9]/m.test(text);
}

function askSelf(url: string) {
  return (method: string, path: string, body?: unknown) => askApi(url, { method, path, body });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
