import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import {
  startService,
  type TestService,
  type TestServiceOptions,
  toImport,
} from '../support/service.ts';
import { sampleSubscription } from './graph-posts.ts';
import { ask, type Question, type WholeAnswer } from './ask.ts';
import { readRaw, sendRaw } from './edge.ts';
import { expectEveryHeader } from './every-answer.ts';
import { existingRoutes } from '../support/existing-routes.ts';
import {
  ALL_ROUTES,
  API_BODY_ROUTES,
  API_ROUTES,
  fill,
  HEALTH_ROUTES,
  JSON_TYPE,
  KEY,
  questionFor,
  type Route,
  SUCCESSES,
  type Things,
  WEBHOOK_ROUTES,
} from './sweep-questions.ts';

const PROBLEM = { accept: 'application/problem+json, */*;q=0.1' };
const EVENTS = 'text/event-stream';
const JSON_TEXT = 'application/json; charset=utf-8';

let service: TestService;
let things: Things;
let answered = 0;

beforeAll(async () => {
  service = await startService();
  things = await fill(service);
});
afterAll(async () => {
  await service.close();
  process.stdout.write(`header sweep: ${ALL_ROUTES.length} routes, ${answered} answers\n`);
});

/** Names routes in the list of tests. */
const each = (routes: readonly Route[]) => routes.map((route) => [route.name, route] as const);

function expectWhole(answer: WholeAnswer): void {
  expectEveryHeader(answer);
  expect(answer.names).toHaveLength(new Set(answer.names).size);
  answered += 1;
}

async function expectStatus(status: number, question: Question, url = service.url) {
  const answer = await ask(url, question);
  expect([question.path, answer.status, answer.body]).toEqual([
    question.path,
    status,
    expect.anything(),
  ]);
  expectWhole(answer);
  return answer;
}

/** A refusal, in both of its shapes. */
async function expectRefused(status: number, question: Question, url = service.url) {
  const { headers } = await expectStatus(status, question, url);
  expect(headers.get('content-type')).toBe(JSON_TEXT);
  const asProblem = { ...question, headers: { ...question.headers, ...PROBLEM } };
  const problem = await expectStatus(status, asProblem, url);
  expect(problem.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  return headers;
}

/** A service of its own kind, as long as `use` takes. */
async function withService(
  options: TestServiceOptions,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const other = await startService(options);
  try {
    await use(other.url);
  } finally {
    await other.close();
  }
}

it('knows every route there is', async () => {
  const known = Object.keys(SUCCESSES).toSorted((a, b) => a.localeCompare(b));
  expect(known).toEqual(await existingRoutes());
});

describe('what succeeds', () => {
  it.each(each(ALL_ROUTES))('%s', async (_name, route) => {
    const answer = await expectStatus(route.success.status, questionFor(route, things));
    const type = answer.headers.get('content-type');
    if (answer.status === 204) expect([type, answer.body]).toEqual([null, '']);
    else if (route.name === 'POST /api/listen') expect(type).toBe(`${EVENTS}; charset=utf-8`);
    else {
      expect(type).toBe(JSON_TEXT);
      expect(JSON.parse(answer.body)).toBeInstanceOf(Object);
    }
  });

  it.each(each(ALL_ROUTES.filter(({ method }) => method === 'GET')))(
    'HEAD, %s',
    async (_, route) => {
      const head = await expectStatus(200, { ...questionFor(route, things), method: 'HEAD' });
      expect(head.headers.get('content-type')).toBe(JSON_TEXT);
    },
  );

  it.each(each(WEBHOOK_ROUTES))('a handshake, %s', async (_, { method, pattern }) => {
    const question = { method, path: `${pattern}?validationToken=%E2%9C%93` };
    const { headers, body } = await expectStatus(200, question);
    expect([headers.get('content-type'), body]).toEqual(['text/plain; charset=utf-8', '✓']);
  });

  it.each(each(ALL_ROUTES))('what is allowed, %s', async (_, route) => {
    const { headers } = questionFor(route, things);
    const { path } = questionFor(route);
    const asked = { method: 'OPTIONS', path, ...(headers && { headers }) };
    const answer = await expectStatus(204, asked);
    expect(answer.headers.get('allow')).toContain(route.method);
  });
});

it.each([
  [200, '/metrics', {}],
  [404, '/nothing', {}],
  [405, '/metrics', { method: 'POST' }],
])('the metrics have them too: %d of %s', async (status, path, more) => {
  await expectStatus(status, { method: 'GET', path, ...more }, service.metricsUrl);
});

describe('what is refused', () => {
  it.each(each(ALL_ROUTES))('405, %s', async (_, route) => {
    const headers = await expectRefused(405, { ...questionFor(route), method: 'PUT' });
    expect(headers.get('allow')).toContain(route.method);
  });

  it.each(each([...API_ROUTES, ...WEBHOOK_ROUTES]))('421, %s', async (_, route) => {
    const question = questionFor(route);
    await expectRefused(421, {
      ...question,
      headers: { ...question.headers, host: 'evil.example' },
    });
  });

  it.each(each(API_ROUTES))('401 and 406, %s', async (_, route) => {
    const question = questionFor(route);
    await expectRefused(401, { ...question, headers: JSON_TYPE });
    const json = JSON_TYPE['content-type'];
    const [own, other] = route.name === 'POST /api/listen' ? [EVENTS, json] : [json, EVENTS];
    for (const accept of ['text/html', 'application/problem+json', other]) {
      await expectStatus(406, { ...question, headers: { ...question.headers, accept } });
    }
    const { status } = await ask(service.url, {
      ...question,
      headers: { ...question.headers, accept: own },
    });
    expect(status).not.toBe(406);
  });

  it.each(each(API_ROUTES.filter(({ pattern }) => pattern.includes(':id'))))(
    '404, %s',
    async (_, route) => {
      await expectRefused(404, questionFor(route));
    },
  );

  it.each(each([...API_BODY_ROUTES, ...WEBHOOK_ROUTES]))(
    '400, 413 and 415, %s',
    async (_, route) => {
      const question = { ...questionFor(route), headers: { ...KEY, ...JSON_TYPE } };
      await expectRefused(400, { ...question, body: '{' });
      await expectRefused(413, { ...question, body: `[${' '.repeat(5_000_000)}]` });
      await expectRefused(415, {
        ...question,
        headers: { ...KEY, 'content-type': 'text/plain' },
        body: 'a',
      });
      const gzip = { ...KEY, ...JSON_TYPE, 'content-encoding': 'gzip' };
      await expectRefused(415, { ...question, headers: gzip, body: 'a' });
    },
  );

  const parsesQuery = ({ pattern, method }: Route) =>
    method === 'DELETE' || (method === 'GET' && !/:id|handshakes|circuit/.test(pattern));
  it.each(each(API_ROUTES.filter(parsesQuery)))('400 of a query, %s', async (_, route) => {
    const question = questionFor(route);
    await expectRefused(400, { ...question, path: `${question.path}?unknown=1` });
  });

  it.each([
    { method: 'DELETE', pattern: '/api/sinks/:id?permanent=true' },
    { method: 'DELETE', pattern: '/api/subscriptions/:id?permanent=true' },
    {
      method: 'POST',
      pattern: '/api/subscriptions/import',
      body: JSON.stringify(toImport(sampleSubscription('mail2'))),
    },
  ])('409, $method $pattern', async ({ method, pattern, body }) => {
    const id = pattern.includes('sinks') ? things.sink : things.subscription;
    const path = pattern.replace(':id', id);
    const headers = { ...KEY, ...JSON_TYPE };
    await expectRefused(409, { method, path, headers, ...(body !== undefined && { body }) });
  });

  it.each(['/', '/nothing', '/api', '/api/nothing', '/webhooks', '/health/nothing'])(
    '404, nothing is at %s',
    async (path) => {
      for (const headers of [{}, KEY]) await expectRefused(404, { method: 'GET', path, headers });
    },
  );

  it.each([
    ['no HTTP', 400, 'nonsense\r\n', ''],
    ['two hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n', ''],
    ['no Host', 400, 'GET / HTTP/1.1\r\n', ''],
    ['a method of its own', 400, 'SMUGGLE / HTTP/1.1\r\nHost: localhost\r\n', ''],
    ['TRACE', 405, 'TRACE / HTTP/1.1\r\nHost: localhost\r\n', ''],
    ['CONNECT', 405, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n', ''],
    ['a long target', 414, `GET /${'a'.repeat(13_000)} HTTP/1.1\r\nHost: localhost\r\n`, ''],
    ['an expectation', 417, 'POST / HTTP/1.1\r\nHost: localhost\r\nExpect: a\r\n', ''],
    ['long headers', 431, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(17_000)}\r\n`, ''],
    [
      'long chunk extensions',
      413,
      'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n',
      `1;${'a'.repeat(20_000)}\r\n`,
    ],
  ])('by the parser: %s, %d', async (_, status, head, body) => {
    const answer = readRaw(await sendRaw(service.url, `${head}\r\n${body}`));
    expect(answer.status).toBe(status);
    expectWhole({ ...answer, names: [] });
  });
});

describe('what is refused by a service', () => {
  it('403, that takes administrators from elsewhere', () =>
    withService({ env: { ADMIN_ALLOWED_IPS: '192.0.2.1/32' } }, async (url) => {
      for (const route of API_ROUTES) await expectRefused(403, questionFor(route), url);
    }));

  it('429, whose limit is used up', () =>
    withService({ env: { RATE_LIMIT_API_MAX: '1' } }, async (url) => {
      await ask(url, { method: 'GET', path: '/api/nothing', headers: KEY });
      for (const route of API_ROUTES) {
        const headers = await expectRefused(429, questionFor(route), url);
        expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      }
    }));

  it('408 and 503, that has no time left', () =>
    withService({ clock: hasty, env: { REQUEST_TIMEOUT_MS: String(HASTY_MS) } }, async (url) => {
      for (const route of API_ROUTES.filter(({ pattern }) => !IN_MEMORY.test(pattern))) {
        await expectRefused(503, questionFor(route), url);
      }
      for (const { method, pattern } of API_BODY_ROUTES) {
        const lines = [
          `${method} ${pattern} HTTP/1.1`,
          'Host: localhost',
          `X-API-Key: ${KEY['x-api-key']}`,
        ];
        lines.push('Content-Type: application/json', 'Content-Length: 9', '', '{');
        const answer = readRaw(await sendRaw(url, lines.join('\r\n')));
        expect(answer.status).toBe(408);
        expectWhole({ ...answer, names: [] });
      }
    }));

  it('503, whose disk is full', () =>
    withService({ env: { MIN_FREE_DISK_MB: '1000000000' } }, async (url) => {
      for (const route of WEBHOOK_ROUTES) await expectRefused(503, questionFor(route), url);
      for (const route of HEALTH_ROUTES) {
        const { status } = await ask(url, questionFor(route));
        await expectStatus(route.pattern === '/health' ? 200 : status, questionFor(route), url);
      }
    }));
});

const HASTY_MS = 12_345;

/** What is answered without a store, and so before its time is over. */
const IN_MEMORY = /handshakes|circuit|answers/;

/** Ends the time of requests as soon as they begin. */
const hasty: Clock = {
  now: () => systemClock.now(),
  after(ms, run) {
    if (ms !== HASTY_MS) return systemClock.after(ms, run);
    const waiting = setImmediate(run);
    return () => clearImmediate(waiting);
  },
};
