import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Router } from '@koa/router';
import { describe, expect, it } from '@jest/globals';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { openHttpServer } from '../../src/adapters/http/server.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { silentLog } from '../support/silent-log.ts';
import { until } from '../support/wait.ts';
import { readRaw, sendRaw, startEdge } from './edge.ts';

function slowly(): { router: Router<RequestState>; begun: Promise<void>; finish: () => void } {
  const router = new Router<RequestState>();
  const { promise, resolve: finish } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  router.get('/quick', (ctx) => {
    ctx.body = 'quick';
  });
  router.get('/slow', async (ctx) => {
    begin();
    await promise;
    ctx.body = 'slow';
  });
  router.post('/never-read', async () => {
    begin();
    await promise;
  });
  return { router, begun, finish };
}

async function getWith(agent: Agent, url: string): Promise<IncomingMessage> {
  const [response]: IncomingMessage[] = await once(get(url, { agent }), 'response');
  if (response === undefined) throw new Error('no response');
  response.resume();
  await once(response, 'end');
  return response;
}

describe('HTTP server', () => {
  it('asks clients to connect anew while it drains, and goes on serving', async () => {
    const edge = await startEdge({ open: slowly().router });
    const agent = new Agent({ keepAlive: true });
    expect((await getWith(agent, `${edge.url}/quick`)).headers.connection).toBe('keep-alive');
    edge.drain();
    const drained = await getWith(agent, `${edge.url}/quick`);
    expect(drained.statusCode).toBe(200);
    expect(drained.headers.connection).toBe('close');
    await edge.close();
  });

  it('gives the answers in flight before it is closed, and ends idle and silent connections', async () => {
    const { router, begun, finish } = slowly();
    const edge = await startEdge({ open: router });
    const agent = new Agent({ keepAlive: true });
    await getWith(agent, `${edge.url}/quick`); // leaves an idle connection
    const silent = connect(Number(new URL(edge.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const slow = getWith(new Agent({ keepAlive: true }), `${edge.url}/slow`);
    await begun;

    let closed = false;
    const closing = edge.close().then(() => {
      closed = true;
    });
    await once(silent.resume(), 'close');
    await expect(fetch(`${edge.url}/quick`)).rejects.toThrow();
    expect(closed).toBe(false);
    finish();
    expect((await slow).headers.connection).toBe('close');
    await closing;
    agent.destroy();
  });

  it.each([
    ['headers', 'GET /quick HTTP/1.1\r\nHost: a\r\n'],
    ['a body', 'POST /never-read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx'],
    ['nothing at all', ''],
  ])('answers 408 when %s does not come in time', async (_what, bytes) => {
    const { router, finish } = slowly();
    const edge = await startEdge({
      open: router,
      limits: { headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 },
    });
    const answer = readRaw(await sendRaw(edge.url, bytes));
    expect(answer.status).toBe(408);
    expect(JSON.parse(answer.body).error.code).toBe('BODY_TIMEOUT');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    finish();
    await edge.close();
  });

  it('says where it cannot listen', async () => {
    const edge = await startEdge({});
    const { port } = new URL(edge.url);
    const second = openHttpServer({
      handler: () => undefined,
      digest: createDigest(),
      clock: systemClock,
      log: silentLog,
      metrics: edge.metrics,
      host: '127.0.0.1',
      port: Number(port),
      setBy: 'HOST, PORT',
    });
    const sentence = `Cannot listen on 127.0.0.1:${port} (HOST, PORT): the port is taken`;
    await expect(second).rejects.toThrow(sentence);
    await edge.close();
  });

  it('ends a connection on which nothing moves, as of a client that does not read', async () => {
    const router = new Router<RequestState>();
    router.get('/large', (ctx) => {
      ctx.body = Buffer.alloc(64 * 1024 * 1024);
    });
    const edge = await startEdge({ open: router, limits: { idleTimeout: 300 } });
    const deaf = connect(Number(new URL(edge.url).port), '127.0.0.1');
    deaf.on('error', () => undefined); // it is reset
    deaf.pause();
    deaf.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    // Resolves only when all connections have ended.
    await Promise.all([once(deaf, 'close'), readLater(deaf)]);
    await edge.close();
  });

  it('takes so many connections, and no more', async () => {
    const edge = await startEdge({ open: slowly().router, maxConnections: 2 });
    const port = Number(new URL(edge.url).port);
    const held = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    await expect(fetch(`${edge.url}/quick`)).rejects.toThrow();
    for (const socket of held) socket.destroy();
    await until(
      async () => (await fetch(`${edge.url}/quick`).catch(() => undefined))?.ok === true,
      'room',
    );
    await edge.close();
  });
});

/** Long after the server has given up, so that the client sees the end. */
async function readLater(socket: ReturnType<typeof connect>): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 1000);
  });
  socket.resume();
}
