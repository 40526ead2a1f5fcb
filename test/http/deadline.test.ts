import { afterEach, describe, expect, it } from '@jest/globals';
import { Router } from '@koa/router';
import { RequestTimeoutError } from '../../src/domain/errors.ts';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { startReceiver } from '../support/receiver.ts';
import { startService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { OPERATOR_KEY, readRaw, sendRaw, startEdge } from './edge.ts';

const KEY = { 'X-API-Key': OPERATOR_KEY };

describe('a request that takes too long', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  afterEach(() => edge.close());

  async function startHanging(
    work: (signal: AbortSignal) => Promise<void>,
    requestTimeoutMs = 100,
  ) {
    const api = new Router<RequestState>({ prefix: '/api/things' });
    api.get('/', async (ctx) => {
      await work(ctx.state.signal);
      ctx.body = { late: true };
    });
    api.post('/', (ctx) => {
      ctx.body = {};
    });
    edge = await startEdge({ api, edge: { requestTimeoutMs } });
  }

  it('is answered 503, and what works for it is told', async () => {
    let told = false;
    await startHanging(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('given up'));
          });
        }),
    );
    const answer = await fetch(`${edge.url}/api/things`, { headers: KEY });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(JSON.parse(await answer.text()).error).toMatchObject({
      code: 'REQUEST_TIMEOUT',
      message: new RequestTimeoutError().message,
    });
    expect(told).toBe(true);
  });

  it('is answered once, whatever its handler still does', async () => {
    const ended = Promise.withResolvers<void>();
    await startHanging(async () => {
      await new Promise<void>((resolve) => void systemClock.after(1200, resolve));
      ended.resolve();
      // Long enough for the one that is asked at the end, on a busy machine.
    }, 1000);
    const answer = await fetch(`${edge.url}/api/things`, { headers: KEY });
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('late');
    await ended.promise;
    expect((await fetch(`${edge.url}/nothing`, { headers: KEY })).status).toBe(404);
    const errors = edge.lines
      .map((line) => JSON.parse(line))
      .filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0].err.type).toBe('RequestTimeoutError');
  });

  it('is its client’s fault while the body is not there', async () => {
    await startHanging(() => Promise.resolve());
    const head = [
      'POST /api/things HTTP/1.1',
      'Host: localhost',
      `X-API-Key: ${OPERATOR_KEY}`,
      'Content-Type: application/json',
      'Content-Length: 100',
    ];
    // Resolves only because the connection ends.
    const answer = readRaw(await sendRaw(edge.url, `${head.join('\r\n')}\r\n\r\n{"a":1`));
    expect(answer.status).toBe(408);
    expect(JSON.parse(answer.body).error.code).toBe('BODY_TIMEOUT');
  });
});

describe('a test of a sink that hangs', () => {
  it('ends before the request, and says so', async () => {
    const receiver = await startReceiver();
    receiver.answer({ instead: 'hang' });
    const service = await startService({ env: { REQUEST_TIMEOUT_MS: '2000' } });
    const sink = { name: 'hung', kind: 'webhook', url: receiver.url };
    const { body } = await service.api('POST', '/api/sinks', sink);
    const answer = await service.api('POST', `/api/sinks/${body.id}/test`);
    expect(answer.status).toBe(200);
    const timedOut = { outcome: 'retry', reason: 'timeout', status: null };
    expect(answer.body).toEqual({ ...timedOut, durationMs: expect.any(Number), body: '' });
    await until(() => receiver.connections.open === 0, 'nobody waits for it');
    const audit = await service.api('GET', '/api/audit?eventType=ADMIN_SINK_TESTED');
    expect(audit.body.data).toMatchObject([{ outcome: 'FAILURE', details: timedOut }]);
    await service.close();
    await receiver.close();
  });
});
