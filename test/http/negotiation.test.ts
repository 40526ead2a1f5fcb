import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Router } from '@koa/router';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { OPERATOR_KEY, startEdge } from './edge.ts';

const LONG = { data: Array.from({ length: 200 }, (_, at) => ({ id: `thing-${at}` })) };

describe('what a client takes', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  let handled = 0;
  beforeAll(async () => {
    const api = new Router<RequestState>({ prefix: '/api/things' });
    api.get('/', (ctx) => {
      handled += 1;
      ctx.body = LONG;
    });
    api.get('/short', (ctx) => {
      ctx.body = {};
    });
    api.get('/events', (ctx) => {
      ctx.type = 'text/event-stream';
      ctx.body = 'data: a\n\n'.repeat(500);
    });
    api.post('/', (ctx) => {
      ctx.body = LONG;
    });
    edge = await startEdge({ api });
  });
  afterAll(() => edge.close());

  /** As it came, unlike `fetch`, which unpacks. */
  async function ask(path: string, headers: Record<string, string>, method = 'GET') {
    const options = { method, headers: { 'X-API-Key': OPERATOR_KEY, ...headers } };
    const request = get(edge.url + path, options);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject);
    });
    return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
  }

  it.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ])('is compressed with %s where it is long', async (encoding, unpack) => {
    const answer = await ask('/api/things', { 'Accept-Encoding': encoding });
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.headers.vary).toContain('Accept-Encoding');
    expect(JSON.parse(unpack(answer.body).toString())).toEqual(LONG);
  });

  it.each([
    ['who takes none', '/api/things', '', 'GET'],
    ['who takes another', '/api/things', 'compress', 'GET'],
    ['who takes none, and not even that', '/api/things', 'identity;q=0, *;q=0', 'GET'],
    ['short answers', '/api/things/short', 'gzip, br', 'GET'],
    ['streams', '/api/things/events', 'gzip, br', 'GET'],
    ['the answers to changes, which can hold new secrets', '/api/things', 'gzip, br', 'POST'],
  ])('is not compressed for %s', async (_what, path, encoding, method) => {
    const answer = await ask(path, { 'Accept-Encoding': encoding }, method);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  it.each([
    ['application/json', 200],
    ['application/*', 200],
    ['*/*;q=0.1', 200],
    ['application/problem+json, application/json;q=0.5', 200],
    ['application/problem+json', 406],
    ['text/event-stream', 406],
    ['text/html', 406],
    ['application/xml, text/plain;q=0.5', 406],
    ['application/json;q=0', 406],
  ])('may be had as %s: %d', async (accept, status) => {
    handled = 0;
    const answer = await ask('/api/things', { Accept: accept });
    expect([answer.status, handled]).toEqual([status, status === 200 ? 1 : 0]);
    if (status === 406) {
      const shown = JSON.parse(answer.body.toString());
      const isProblem = accept === 'application/problem+json';
      expect(answer.headers['content-type']?.startsWith('application/problem')).toBe(isProblem);
      expect((isProblem ? shown : shown.error).code).toBe('NOT_ACCEPTABLE');
    }
  });
});
