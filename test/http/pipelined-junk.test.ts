import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Router } from '@koa/router';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { TurnedClock } from '../support/clock.ts';
import { importSamples, OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { readRaw, sendRaw, startEdge } from './edge.ts';
import { genuineText } from './graph-posts.ts';

const JUNK = 'nonsense\r\n\r\n';

const post = (path: string, body: string, ...headers: readonly string[]) =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n');

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

const statusesOf = (answers: string) =>
  [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

describe('a whole request with junk behind it, at a service', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
    await importSamples(service);
  });
  afterAll(() => service.close());

  it('is told what became of it, by the API', async () => {
    const sink = JSON.stringify({ name: 'pipelined', kind: 'log' });
    const bytes = post('/api/sinks', sink, `X-API-Key: ${OPERATOR_KEY}`) + JUNK;
    const answers = await sendRaw(service.url, bytes);
    expect(statusesOf(answers)).toEqual([201]);
    const { headers, body } = readRaw(answers);
    expect(headers.get('connection')).toBe('close');
    const { id } = JSON.parse(body);
    expect((await service.api('GET', `/api/sinks/${id}`)).body.name).toBe('pipelined');
  });

  it('is told what became of it, by the endpoint of Graph', async () => {
    const answers = await sendRaw(service.url, post('/webhooks/graph', genuineText('one')) + JUNK);
    expect(statusesOf(answers)).toEqual([202]);
    expect(readRaw(answers).headers.get('connection')).toBe('close');
    await until(async () => {
      const { body } = await service.api('GET', '/api/notifications');
      return body.data.some(({ subject }: { subject: string }) => subject.endsWith('/one'));
    }, 'the notification');
  });
});

describe('a whole request with junk behind it', () => {
  async function start(clock?: TurnedClock) {
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    const router = new Router<RequestState>();
    router.get('/slow', async (ctx) => {
      await finished;
      ctx.body = 'slow';
    });
    router.get('/stream', (ctx) => {
      const stream = new PassThrough();
      stream.write('begun, ');
      void finished.then(() => stream.end('ended'));
      ctx.body = stream;
    });
    const edge = await startEdge({ open: router, ...(clock && { clock }) });
    const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const refusals = () => edge.lines.filter((line) => line.includes('request refused'));
    return {
      edge,
      finish,
      socket,
      all: text(socket),
      refusals,
      refused: () => until(() => refusals().length > 0, 'the junk'),
    };
  }

  it('keeps its answer when the junk comes later, and goes on coming', async () => {
    const { edge, finish, socket, all, refused, refusals } = await start();
    socket.write(get('/slow') + JUNK);
    await refused();
    for (let more = 0; more < 3; more += 1) {
      await new Promise((resolve) => {
        socket.write(JUNK, resolve);
      });
    }
    finish();
    const answers = await all;
    expect(statusesOf(answers)).toEqual([200]);
    expect(answers.endsWith('slow')).toBe(true);
    expect(readRaw(answers).headers.get('connection')).toBe('close');
    expect(JSON.parse(refusals()[0] ?? '')).toMatchObject({ status: 400, ipAddress: '127.0.0.1' });
    expect(refusals()).toHaveLength(1);
    await edge.close();
  });

  it('keeps its answer when that has begun', async () => {
    const { edge, finish, socket, all, refused } = await start();
    socket.write(get('/stream'));
    await once(socket, 'data');
    socket.write(JUNK);
    await refused();
    finish();
    const answers = await all;
    expect(statusesOf(answers)).toEqual([200]);
    expect(answers).toContain('ended');
    await edge.close();
  });

  it.each([
    ['another whole one', get('/slow') + JUNK, [200, 200]],
    ['a broken one', post('/slow', '').replace('Length: 0', 'Length: x'), [200]],
    [
      'one with a broken body',
      'POST /slow HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      [200, 400],
    ],
  ])('keeps its answer when %s is between them', async (_what, between, statuses) => {
    const clock = new TurnedClock();
    const { edge, finish, socket, all, refused } = await start(clock);
    socket.write(get('/slow') + between);
    await refused();
    await clock.turn(5000); // longer than who was refused may linger
    finish();
    expect(statusesOf(await all)).toEqual(statuses);
    await edge.close();
  });

  it('is not waited for without end', async () => {
    const clock = new TurnedClock();
    const { edge, socket, all, refused } = await start(clock);
    socket.write(get('/slow') + JUNK);
    await refused();
    await clock.turn(29_999);
    expect(socket.closed).toBe(false);
    await clock.turn(1);
    expect(await all).toBe('');
    await edge.close();
  });
});
