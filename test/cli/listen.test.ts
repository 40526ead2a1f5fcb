import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startLoad } from '../faults/load.ts';
import { genuineText, sampleSubscription } from '../http/graph-posts.ts';
import { startChild } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import {
  askApi,
  importSamples,
  OPERATOR_KEY,
  startService,
  type TestService,
} from '../support/service.ts';
import { until } from '../support/wait.ts';
import { operatorOf, startCommand, type Running } from './command.ts';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

describe('listen', () => {
  let service: TestService;
  let developer: Receiver;

  beforeAll(async () => {
    service = await startService();
    await importSamples(service);
  });
  beforeEach(async () => {
    developer = await startReceiver({ secret: SECRET });
  });
  afterEach(() => until(async () => (await listeners()).length === 0, 'nobody listens any more'));
  afterAll(() => service.close());

  const listeners = async (): Promise<{ id: string }[]> => {
    const { body } = await service.api('GET', '/api/sinks');
    return body.data.filter(({ kind }: { kind: string }) => kind === 'listen');
  };

  async function listen(args: readonly string[] = []): Promise<Running> {
    const running = startCommand(
      ['listen', '--forward', `${developer.url}/hook`, '--secret-file', '-', ...args],
      { env: operatorOf(service).env, input: SECRET },
    );
    await until(() => running.stderr().includes('Forwarding to'), 'the connection');
    return running;
  }

  const bodies = () => developer.received.map(({ body }) => JSON.parse(body));

  it('forwards each event, signed, and leaves nothing behind', async () => {
    const running = await listen(['--json']);
    expect(await listeners()).toHaveLength(1);
    const [sink] = await listeners();
    await service.post(genuineText('l-1', 'l-2', 'l-3'));
    await until(() => developer.received.length === 3, 'the events');
    expect(developer.received.every(({ isGenuine }) => isGenuine)).toBe(true);
    // Each on a connection of its own, so in any order.
    const ids = bodies().map(({ data }) => data.id);
    expect(ids.toSorted((a, b) => a.localeCompare(b))).toEqual(['l-1', 'l-2', 'l-3']);
    const path = `/api/notifications?delivery=delivered&sinkId=${sink?.id}`;
    await until(async () => (await service.api('GET', path)).body.data.length === 3, 'the answers');
    const { code, stdout } = await running.end('SIGINT');
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).status),
    ).toEqual([200, 200, 200]);
    // The service sees that the connection has ended a moment after the command has.
    await until(async () => (await listeners()).length === 0, 'the sink is listed no more');
    // First marked, so that nothing more is chosen for it, then given up, then gone.
    const deleted = async () => (await service.api('GET', '/api/sinks?deleted=true')).body.data;
    await until(async () => (await deleted()).length === 0, 'the sink is gone for good');
    await developer.close();
  });

  it('forwards what Graph wrote, line breaks and large numbers included', async () => {
    const running = await listen();
    const item = genuineText('spread').replace(
      '"changeType"',
      '"size":\r\n12345678901234567890,\n"changeType"',
    );
    await service.post(item);
    await until(() => developer.received.length === 1, 'the event');
    expect(developer.received[0]?.body).toContain('12345678901234567890,');
    expect(developer.received[0]?.isGenuine).toBe(true);
    await running.end('SIGINT');
    await developer.close();
  });

  it('brings only what is asked for', async () => {
    const { id } = sampleSubscription('mail2');
    const running = await listen(['--subscription', id]);
    const [sink] = await listeners();
    expect(sink).toMatchObject({ filter: { subscriptionId: [id] } });
    await running.end('SIGTERM');
    await developer.close();
  });

  it('has what failed tried again, and goes on meanwhile', async () => {
    developer.answer((request) => ({ status: request.body.includes('"bad"') ? 500 : 200 }));
    const running = await listen();
    await service.post(genuineText('bad'));
    await until(() => developer.received.length === 1, 'the first try');
    await service.post(genuineText('good'));
    await until(() => developer.received.length === 2, 'the next event');
    developer.answer({});
    await until(() => developer.received.length === 3, 'the second try');
    expect(bodies().map(({ data }) => data.id)).toEqual(['bad', 'good', 'bad']);
    await running.end('SIGINT');
    await developer.close();
  });

  it('has it tried again when nobody answers on this machine', async () => {
    await developer.close();
    const running = await listen();
    await service.post(genuineText('nobody'));
    await until(() => running.stdout().startsWith('no answer'), 'the try');
    const [sink] = await listeners();
    const path = `/api/notifications?delivery=due&sinkId=${sink?.id}`;
    await until(async () => (await service.api('GET', path)).body.data.length === 1, 'its retry');
    await running.end('SIGINT');
  });

  it('removes the sink when the listener is killed, with what waits for it', async () => {
    developer.answer({ instead: 'hang' });
    const running = await listen();
    await service.post(genuineText('hanging'));
    await until(() => developer.received.length === 1, 'the event');
    await running.end('SIGKILL');
    await until(async () => (await listeners()).length === 0, 'the sink is gone');
    const { body } = await service.api('GET', '/api/notifications?limit=1');
    const path = `/api/notifications/${body.data[0].id}`;
    const states = async (): Promise<string[]> => {
      const { deliveries } = (await service.api('GET', path)).body;
      return deliveries.map(({ state }: { state: string }) => state).toSorted();
    };
    await until(async () => (await states()).join() === 'delivered,discarded', 'it is given up');
    await developer.close();
  });

  it('refuses answers for what nobody listens to', async () => {
    const answers = [{ deliveryId: 'x', status: 200 }];
    const missing = await service.api('POST', '/api/listen/nobody/answers', { answers });
    expect(missing.status).toBe(404);
    const bad = await service.api('POST', '/api/listen/nobody/answers', { answers: [] });
    expect(bad.status).toBe(400);
    await developer.close();
  });

  it('lets only so many listen at once', async () => {
    const leave = new AbortController();
    const connect = () =>
      fetch(`${service.url}/api/listen`, {
        method: 'POST',
        headers: { 'x-api-key': OPERATOR_KEY },
        signal: leave.signal,
      });
    const all = await Promise.all(Array.from({ length: 12 }, connect));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(all.filter(({ status }) => status === 503)).toHaveLength(2);
    leave.abort();
    await until(async () => (await listeners()).length === 0, 'the sinks are gone');
    await developer.close();
  });
});

describe('listen, under load', () => {
  it('leaves no delivery for a sink that is gone', async () => {
    const folder = temporaryFolder();
    const service = await startService({ folder });
    await importSamples(service);
    const load = startLoad({ url: () => service.url, connections: 2, batch: 20 });
    let handed = 0;
    for (let round = 0; round < 20; round += 1) {
      const leave = new AbortController();
      const answer = await fetch(`${service.url}/api/listen`, {
        method: 'POST',
        headers: { 'x-api-key': OPERATOR_KEY },
        signal: leave.signal,
      });
      const reader = answer.body?.getReader();
      // Until the first event is here, which nobody answers.
      for (let bytes = 0; bytes < 500;) {
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error('the stream has ended');
        bytes += value.length;
      }
      handed += 1;
      leave.abort();
    }
    await load.stop();
    const again = await service.restart(); // which stops it first
    expect(handed).toBe(20);
    const store = new DatabaseSync(join(folder.path, 'store.db'), { readOnly: true });
    const count = (where: string) =>
      store.prepare(`SELECT count(*) AS count FROM deliveries WHERE ${where}`).get()?.['count'];
    const discarded = count("state = 'discarded'");
    const left = count(
      "state IN ('due', 'claimed', 'dead') AND sink_id NOT IN (SELECT id FROM sinks)",
    );
    store.close();
    await again.close();
    expect(left).toBe(0);
    expect(discarded).toBeGreaterThan(0);
  }, 90_000);
});

describe('listen, when the service ends', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'connects again after a %s, and leaves one sink',
    async (signal) => {
      const folder = temporaryFolder();
      const developer = await startReceiver({ secret: SECRET });
      const env = { PORT: String(await freePort()) };
      const start = () => startChild({ dataDir: folder.path, env });
      let service = await start();
      const { url } = service;
      const api = (method: string, path: string, body?: unknown) =>
        askApi(url, { method, path, body });
      await importSamples({ api });
      const args = ['listen', '--forward', developer.url, '--secret-file', '-'];
      const running = startCommand(args, { env: operatorOf({ url }).env, input: SECRET });
      const greetings = () => running.stderr().split('Forwarding to').length - 1;
      await until(() => greetings() === 1, 'the connection');

      // It does not wait for the one who listens.
      expect(await service.end(signal)).toBe(signal === 'SIGTERM' ? 0 : null);
      service = await start();
      await until(() => greetings() === 2, 'the new connection', 30_000);
      const { body } = await api('GET', '/api/sinks');
      expect(body.data.map(({ kind }: { kind: string }) => kind)).toEqual(['log', 'listen']);
      expect((await api('GET', '/api/sinks?deleted=true')).body.data).toEqual([]);
      const headers = { 'content-type': 'application/json' };
      await fetch(`${url}/webhooks/graph`, { method: 'POST', headers, body: genuineText('again') });
      await until(() => developer.received.length === 1, 'the event');
      await running.end('SIGINT');
      await service.end('SIGTERM');
      await developer.close();
      folder.remove();
    },
    90_000,
  );
});
