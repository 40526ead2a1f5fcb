import { createRouter, type Routes } from '../../src/adapters/http/router.ts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { principalOf } from '../../src/adapters/http/request-state.ts';
import { OPERATOR_KEY, readRaw, sendRaw, startEdge } from './edge.ts';

const EVERY_ANSWER = {
  'content-security-policy':
    "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

function open(): Routes {
  const router = createRouter();
  router.get('/open', (ctx) => {
    ctx.body = { ok: true };
  });
  router.post('/open', (ctx) => {
    ctx.status = 204;
  });
  router.get('/bug', () => {
    throw new Error('a bug');
  });
  return router;
}

function api(): Routes {
  const router = createRouter('/api/things');
  router.get('/:id', (ctx) => {
    ctx.body = principalOf(ctx);
  });
  router.post('/', (ctx) => {
    ctx.status = 201;
    ctx.body = {};
  });
  return router;
}

function expectHeaders(headers: Headers): void {
  for (const [name, value] of Object.entries(EVERY_ANSWER)) {
    expect([name, headers.get(name)]).toEqual([name, value]);
  }
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(headers.has('x-powered-by')).toBe(false);
  expect(headers.has('server')).toBe(false);
}

describe('HTTP edge', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  beforeAll(async () => {
    edge = await startEdge({ open: open(), api: api() });
  });
  afterAll(() => edge.close());

  const key = { 'X-API-Key': OPERATOR_KEY };

  it.each<[number, string, RequestInit]>([
    [200, '/open', {}],
    [200, '/open', { method: 'HEAD' }],
    [204, '/open', { method: 'POST' }],
    [204, '/open', { method: 'OPTIONS' }],
    [404, '/nothing', {}],
    [404, '/api/nothing', {}],
    [405, '/open', { method: 'DELETE' }],
    [401, '/api/things/1', {}],
    [200, '/api/things/1', { headers: key }],
    [415, '/api/things', { method: 'POST', body: 'a', headers: key }],
    [201, '/api/things', { method: 'POST', headers: key }],
    [500, '/bug', {}],
  ])('has an id and the security headers on %d of %s', async (status, path, init) => {
    const response = await fetch(edge.url + path, init);
    expect(response.status).toBe(status);
    expectHeaders(response.headers);
  });

  it.each([
    ['no HTTP', 400, 'MALFORMED_REQUEST', 'nonsense\r\n\r\n'],
    ['no Host', 400, 'MALFORMED_REQUEST', 'GET /open HTTP/1.1\r\n\r\n'],
    [
      'two lengths',
      400,
      'MALFORMED_REQUEST',
      'POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
    ],
    [
      'length and chunks',
      400,
      'MALFORMED_REQUEST',
      'POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two hosts', 400, 'MALFORMED_REQUEST', 'GET /open HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n'],
    [
      'the target of another host',
      400,
      'MALFORMED_REQUEST',
      'GET http://b/open HTTP/1.1\r\nHost: localhost\r\n\r\n',
    ],
    ['no version', 400, 'MALFORMED_REQUEST', 'GET /open\r\n\r\n'],
    ['another version', 400, 'MALFORMED_REQUEST', 'GET /open HTTP/2.0\r\nHost: a\r\n\r\n'],
    ['a target that is none', 400, 'MALFORMED_REQUEST', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a trace', 405, 'METHOD_NOT_ALLOWED', 'TRACE /open HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    [
      'a long target',
      414,
      'URI_TOO_LONG',
      `GET /open?${'x'.repeat(13_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ],
    [
      'a target without end',
      414,
      'URI_TOO_LONG',
      `GET /open?${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ],
    ['a proxy request', 405, 'METHOD_NOT_ALLOWED', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
    [
      'an expectation',
      417,
      'EXPECTATION_FAILED',
      'POST /open HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n',
    ],
    [
      'long headers',
      431,
      'HEADERS_TOO_LARGE',
      `GET /open HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    ],
  ])(
    'answers %s with %d in the same shape and ends the connection',
    async (_what, status, code, bytes) => {
      const answer = readRaw(await sendRaw(edge.url, bytes));
      expect(answer.status).toBe(status);
      expectHeaders(answer.headers);
      expect(answer.headers.get('connection')).toBe('close');
      const { error } = JSON.parse(answer.body);
      expect(error).toMatchObject({ code, status });
      expect(error.requestId).toBe(answer.headers.get('x-request-id'));
    },
  );

  it('is told of what no route sees, and believes none of it', async () => {
    const before = edge.lines.length;
    await sendRaw(edge.url, 'TRACE /TEST-ONLY-planted HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const line = JSON.parse(edge.lines[before] ?? '{}');
    expect(line).toMatchObject({
      msg: 'request refused',
      method: 'unread',
      status: 405,
      code: 'METHOD_NOT_ALLOWED',
      ipAddress: '127.0.0.1',
      requestId: expect.any(String),
    });
    expect(JSON.stringify(line)).not.toContain('planted');
    const { text } = await edge.metrics.render();
    expect(text).toMatch(
      /http_requests_total\{method="unread",route="unread",status_code="405"\} \d/,
    );
  });

  it('tells which methods a path takes', async () => {
    const refused = await fetch(`${edge.url}/open`, { method: 'DELETE' });
    expect(refused.headers.get('allow')).toBe('HEAD, GET, POST, OPTIONS');
    const asked = await fetch(`${edge.url}/api/things/1`, { method: 'OPTIONS' });
    expect(asked.headers.get('allow')).toBe('HEAD, GET, OPTIONS');
  });

  it('answers HEAD like GET, without the body', async () => {
    const [head, get] = await Promise.all([
      fetch(`${edge.url}/open`, { method: 'HEAD' }),
      fetch(`${edge.url}/open`),
    ]);
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
    expect(await head.text()).toBe('');
  });

  it('takes no request id from strangers', async () => {
    const response = await fetch(`${edge.url}/open`, { headers: { 'X-Request-Id': 'mine' } });
    expect(response.headers.get('x-request-id')).not.toBe('mine');
  });

  it.each([
    undefined,
    '',
    'wrong',
    `${OPERATOR_KEY}x`,
    OPERATOR_KEY.slice(1),
    OPERATOR_KEY.toLowerCase(),
  ])('lets nobody in with the key %s', async (wrong) => {
    const headers: Record<string, string> = wrong === undefined ? {} : { 'X-API-Key': wrong };
    const response = await fetch(`${edge.url}/api/things/1`, { headers });
    expect(response.status).toBe(401);
    const { error } = JSON.parse(await response.text());
    expect(error.code).toBe('UNAUTHENTICATED');
    expect(error.message).toBe('This needs a valid X-API-Key header');
  });

  it('knows the operator, and from where he comes', async () => {
    const headers = { ...key, 'User-Agent': `agent ${'x'.repeat(1000)}` };
    const response = await fetch(`${edge.url}/api/things/1`, { headers });
    const principal = JSON.parse(await response.text());
    expect(principal).toMatchObject({
      organizationId: 'default',
      id: 'operator',
      ipAddress: '127.0.0.1',
      requestId: response.headers.get('x-request-id'),
    });
    expect(principal.userAgent).toHaveLength(256);
  });

  it('counts and logs by the pattern of the route, never a path or a query', async () => {
    await fetch(`${edge.url}/api/things/planted-4711?token=planted-4712`, { headers: key });
    await fetch(`${edge.url}/planted-4713/x?token=planted-4714`);
    await fetch(`${edge.url}/api/things/planted-4715`); // 401
    const { text } = await edge.metrics.render();
    expect(text).toContain(
      'http_requests_total{method="GET",route="/api/things/:id",status_code="200"}',
    );
    expect(text).toContain(
      'http_requests_total{method="GET",route="/api/things/:id",status_code="401"}',
    );
    expect(text).toContain('http_requests_total{method="GET",route="unmatched",status_code="404"}');
    expect(text + edge.lines.join('')).not.toContain('planted');
    expect(edge.lines.join('')).toContain('"route":"/api/things/:id","status":200');
    expect(edge.lines.join('')).not.toContain(OPERATOR_KEY);
  });
});

describe('a path in other letters', () => {
  it('is another path', async () => {
    const edge = await startEdge({ open: open(), api: api() });
    for (const path of ['/Open', '/API/things/1', '/api/Things/1']) {
      const answer = await fetch(edge.url + path, { headers: { 'X-API-Key': OPERATOR_KEY } });
      expect([path, answer.status]).toEqual([path, 404]);
    }
    await edge.close();
  });
});
