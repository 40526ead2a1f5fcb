import { gzipSync } from 'node:zlib';
import { Router } from '@koa/router';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import {
  ConflictError,
  NotFoundError,
  StoreUnavailableError,
  TamperedError,
  ValidationError,
} from '../../src/domain/errors.ts';
import { OPERATOR_KEY, startEdge } from './edge.ts';

const PLANTED = 'planted-secret-4711';

const FAILURES: Record<string, () => Error> = {
  conflict: () => new ConflictError('taken'),
  missing: () => new NotFoundError('gone'),
  invalid: () => new ValidationError([{ path: 'name', message: 'too long' }]),
  store: () => new StoreUnavailableError(`store ${PLANTED}`, new Error(PLANTED)),
  tampered: () => new TamperedError(),
  bug: () => new TypeError(`query with ${PLANTED}`),
};

function failing(): Router<RequestState> {
  const router = new Router<RequestState>();
  router.get('/fails/:how', (ctx) => {
    throw FAILURES[ctx.params['how'] ?? '']?.() ?? new Error('no such failure');
  });
  return router;
}

function echo(): Router<RequestState> {
  const router = new Router<RequestState>();
  router.post('/api/echo', (ctx) => {
    ctx.body = { got: ctx.request.body };
  });
  return router;
}

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

type Edge = Awaited<ReturnType<typeof startEdge>>;

describe.each([true, false])('error boundary, production %s', (production) => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({ production, open: failing(), api: echo() });
  });
  afterAll(() => edge.close());

  async function ask(path: string, init?: RequestInit) {
    const response = await fetch(edge.url + path, init);
    return { response, body: await response.text() };
  }

  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    ask('/api/echo', {
      method: 'POST',
      body,
      headers: { 'X-API-Key': OPERATOR_KEY, 'Content-Type': 'application/json', ...headers },
    });

  it.each([
    ['conflict', 409, 'CONFLICT'],
    ['missing', 404, 'NOT_FOUND'],
    ['invalid', 400, 'VALIDATION_ERROR'],
    ['store', 503, 'SERVICE_UNAVAILABLE'],
    ['tampered', 503, 'TAMPERED'],
    ['bug', 500, 'INTERNAL_ERROR'],
  ])('answers %s with %d %s in the one shape', async (how, status, code) => {
    const { response, body } = await ask(`/fails/${how}`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const { error } = JSON.parse(body);
    expect(error).toMatchObject({ code, status, message: expect.any(String) });
    expect(error.requestId).toBe(response.headers.get('x-request-id'));
    expect(new Date(error.timestamp).toISOString()).toBe(error.timestamp);
    expect('stack' in error).toBe(!production);
  });

  it('names the fields of an invalid request', async () => {
    const { error } = JSON.parse((await ask('/fails/invalid')).body);
    expect(error.details).toEqual([{ path: 'name', message: 'too long' }]);
  });

  it('says when to come back in whole seconds', async () => {
    const { response, body } = await ask('/fails/store');
    expect(response.headers.get('retry-after')).toBe('1');
    expect(JSON.parse(body).error.retryAfter).toBe(1);
  });

  it('never tells a client which store it was, nor why', async () => {
    expect((await ask('/fails/store')).body).not.toContain(PLANTED);
  });

  it('keeps the text of a bug in the log', async () => {
    const { response, body } = await ask('/fails/bug');
    expect(JSON.parse(body).error.message).toBe('Internal server error');
    if (production) expect(body).not.toContain(PLANTED);
    const id = response.headers.get('x-request-id') ?? 'missing';
    const line = edge.lines.find((each) => each.includes(id) && each.includes('request failed'));
    expect(line).toContain(PLANTED);
  });

  it.each([
    'application/problem+json',
    'application/problem+json, application/json',
    'application/json;q=0.9, application/problem+json',
  ])('speaks RFC 9457 to who asks for it: %s', async (accept) => {
    const { response, body } = await ask('/fails/invalid', { headers: { Accept: accept } });
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(response.headers.get('vary')).toMatch(/accept/i);
    expect(JSON.parse(body)).toMatchObject({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: expect.any(String),
      instance: `urn:uuid:${response.headers.get('x-request-id')}`,
      code: 'VALIDATION_ERROR',
      details: [{ path: 'name', message: 'too long' }],
    });
  });

  it.each([undefined, '*/*', 'text/html', 'application/json, application/problem+json;q=0.5'])(
    'gives its own shape for Accept: %s',
    async (accept) => {
      const { body } = await ask('/fails/conflict', accept ? { headers: { Accept: accept } } : {});
      expect(JSON.parse(body).error.code).toBe('CONFLICT');
    },
  );

  it('takes a JSON body', async () => {
    expect(JSON.parse((await post('{"a":1}')).body)).toEqual({ got: { a: 1 } });
  });

  it.each([
    ['said to be so', '{"a":"é"}', 'application/json; charset=UTF-8', { a: 'é' }],
    ['said to be so otherwise', '{"a":1}', 'Application/JSON;charset="utf8"', { a: 1 }],
    ['with its mark', '\uFEFF{"a":1}', 'application/json', { a: 1 }],
    ['of several objects', '{"a":{"a":1},"b":{"a":1}}', undefined, { a: { a: 1 }, b: { a: 1 } }],
    ['empty', '', 'application/json', {}],
  ])('takes a body of UTF-8 that is %s', async (_what, body, type = 'application/json', got) => {
    const answer = await post(body, { 'Content-Type': type });
    expect([answer.response.status, JSON.parse(answer.body)]).toEqual([200, { got }]);
  });

  it.each<[string, string | Uint8Array<ArrayBuffer>, Record<string, string>, number, string]>([
    ['no JSON', '{"a":', {}, 400, 'MALFORMED_BODY'],
    ['a bare value', '1', {}, 400, 'MALFORMED_BODY'],
    ['a prototype', '{"__proto__":{"admin":true}}', {}, 400, 'MALFORMED_BODY'],
    ['a prototype, spelt otherwise', String.raw`{"\u005f_proto__":1}`, {}, 400, 'MALFORMED_BODY'],
    ['no UTF-8', bytes('7b2261223a22fffe227d'), {}, 400, 'MALFORMED_BODY'],
    ['UTF-16', new Uint8Array(Buffer.from('{"a":1}', 'utf16le')), {}, 400, 'MALFORMED_BODY'],
    ['one field twice', '{"a":1,"a":2}', {}, 400, 'MALFORMED_BODY'],
    ['one field twice, far below', '{"a":[{"b":1,"b":2}]}', {}, 400, 'MALFORMED_BODY'],
    ...['utf-16le', 'latin1', 'utf-7', '"iso-8859-1"'].map(
      (charset): [string, string, Record<string, string>, number, string] => [
        `said to be ${charset}`,
        '{}',
        { 'Content-Type': `application/json; charset=${charset}` },
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
    ),
    ['256 KiB and 1', `"${'x'.repeat(256 * 1024 - 1)}"`, {}, 413, 'PAYLOAD_TOO_LARGE'],
    [
      'a form',
      'a=1',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['plain text', '{}', { 'Content-Type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [
      'another JSON',
      '{}',
      { 'Content-Type': 'application/scim+json' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
  ])('refuses a body that is %s', async (_what, body, headers, status, code) => {
    const answer = await post(body, headers);
    expect(answer.response.status).toBe(status);
    expect(JSON.parse(answer.body).error.code).toBe(code);
  });

  it('refuses a compressed body unread', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { response } = await post(new Uint8Array(bomb), { 'Content-Encoding': 'gzip' });
    expect(response.status).toBe(415);
  });
});
