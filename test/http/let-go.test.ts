import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Router } from '@koa/router';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { answerOn } from '../../src/adapters/http/refusals.ts';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { createTrustedProxies } from '../../src/adapters/http/trusted-proxies.ts';
import { TurnedClock } from '../support/clock.ts';
import { until } from '../support/wait.ts';
import { readRaw, sendRaw, startEdge } from './edge.ts';

const CONNECT = 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n';
const EXPECT = 'GET /open HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n';

const get = (path: string, ...headers: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');

const statusesOf = (answers: string) =>
  [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

// Node takes its own listeners off these, and one error that nobody hears ends the process.
describe('a connection that Node lets go of', () => {
  const clock = new TurnedClock();
  const proxies = createTrustedProxies({ ranges: ['127.0.0.0/8'], header: 'x-forwarded-for' });
  let edge: Awaited<ReturnType<typeof startEdge>>;
  let finish: () => void;
  beforeEach(async () => {
    const { promise: finished, resolve } = Promise.withResolvers<void>();
    finish = resolve;
    const router = new Router<RequestState>();
    router.get('/open', (ctx) => {
      ctx.body = 'open';
    });
    router.get('/slow', async (ctx) => {
      await finished;
      ctx.body = 'slow';
    });
    edge = await startEdge({ open: router, clock, proxies });
  });
  afterEach(async () => {
    finish();
    expect((await fetch(`${edge.url}/open`)).status).toBe(200);
    await edge.close();
  });

  async function open(bytes: string) {
    const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }

  const refusals = () => edge.lines.filter((line) => line.includes('request refused'));
  const refused = () => until(() => refusals().length > 0, 'the refusal');

  it('may be reset at once, or when it has its answer', async () => {
    (await open(CONNECT)).resetAndDestroy();
    await refused();
    const socket = await open(CONNECT);
    await once(socket, 'data');
    socket.resetAndDestroy();
    // What was reset before it is known to the server when this is answered, afterwards.
    expect((await fetch(`${edge.url}/open`)).status).toBe(200);
  });

  it('is cut off when it is kept', async () => {
    const socket = connect({ port: Number(new URL(edge.url).port), allowHalfOpen: true });
    await once(socket, 'connect');
    socket.write(CONNECT);
    const ended = once(socket, 'end');
    const [answer] = await once(socket, 'data');
    expect(readRaw(String(answer)).status).toBe(405);
    await ended;
    await clock.turn(1000);
    socket.on('error', () => undefined); // it learns by writing that nobody is there
    await until(() => !socket.writable || (socket.write('x'), false), 'the cut');
  });

  it.each([
    ['CONNECT', CONNECT, 405],
    ['junk', 'nonsense\r\n\r\n', 400],
  ])('is answered what it waits for when %s comes behind it', async (_what, behind, status) => {
    const answers = text(await open(get('/slow') + behind));
    await refused();
    finish();
    expect(statusesOf(await answers)).toEqual([200]);
    expect(refusals().map((line) => JSON.parse(line).status)).toEqual([status]);
  });

  it.each([
    ['junk', `${EXPECT}\x01junk`],
    ['a CONNECT', EXPECT + CONNECT],
    [
      'a broken body',
      `${EXPECT.replace('GET', 'POST').slice(0, -2)}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ],
  ])('is answered once when %s comes behind an expectation', async (_what, bytes) => {
    expect(statusesOf(await sendRaw(edge.url, bytes))).toEqual([417]);
  });

  it('has one answer at a time', async () => {
    const server = createServer((req, res) => {
      expect(answerOn(req.socket)).toBeUndefined();
      res.end('the only one');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('the only one');
    server.close();
  });

  it('ends with a request to upgrade, behind which Node reads nothing', async () => {
    const upgrade = get('/open', 'Upgrade: h2c', 'Connection: Upgrade');
    const answers = await sendRaw(edge.url, upgrade + get('/open'));
    expect(statusesOf(answers)).toEqual([200]);
    expect(readRaw(answers).headers.get('connection')).toBe('close');
  });

  it('is logged by the address of its client, as far as a proxy tells it', async () => {
    await sendRaw(edge.url, CONNECT.replace('\r\n\r\n', '\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n'));
    await sendRaw(edge.url, EXPECT.replace('\r\n\r\n', '\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n'));
    expect(refusals().map((line) => JSON.parse(line).ipAddress)).toEqual([
      '127.0.0.1',
      '192.0.2.7',
    ]);
  });
});
