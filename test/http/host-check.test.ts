import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Router } from '@koa/router';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { readRaw, sendRaw, startEdge } from './edge.ts';

async function statusFor(url: string, host: string, path = '/nothing'): Promise<number> {
  const bytes = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return readRaw(await sendRaw(url, bytes)).status;
}

describe('the host that a request is for', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  beforeAll(async () => {
    const open = new Router<RequestState>();
    open.get('/health', (ctx) => {
      ctx.body = {};
    });
    const allowedHosts = ['gateway.example.com', '[2001:db8::1]'];
    edge = await startEdge({ open, edge: { allowedHosts } });
  });
  afterAll(() => edge.close());

  it.each([
    'gateway.example.com',
    'gateway.example.com:8443',
    'GATEWAY.Example.com.',
    '[2001:db8::1]:80',
    'localhost:8010',
    '127.0.0.1',
  ])('is served when it is %s', async (host) => {
    expect(await statusFor(edge.url, host)).toBe(404);
  });

  it.each([
    'evil.example',
    'gateway.example.com.evil.example',
    'evil.example:gateway.example.com',
    'gateway.example.com@evil.example',
    '[::2]',
    '.',
    '127.0.0.1.evil.example',
    'localhost:80@evil.example',
    '127.0.0.1:999999',
    '[::1]evil.example',
  ])('is refused when it is %s', async (host) => {
    expect(await statusFor(edge.url, host)).toBe(421);
  });

  it('is refused in the one shape of errors, with all headers', async () => {
    const answer = readRaw(
      await sendRaw(edge.url, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'),
    );
    expect(JSON.parse(answer.body).error).toMatchObject({ code: 'HOST_NOT_ALLOWED', status: 421 });
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('does not matter to health', async () => {
    expect(await statusFor(edge.url, '10.0.0.7', '/health')).toBe(200);
  });

  it.each(['http', 'https'])('may stand in the target, too, as %s', async (scheme) => {
    const ask = (target: string, host: string) =>
      sendRaw(edge.url, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const ours = await ask(`${scheme}://gateway.example.com/health`, 'gateway.example.com');
    expect(readRaw(ours).status).toBe(200);
    const others = await ask(`${scheme}://evil.example/health`, 'gateway.example.com');
    expect(readRaw(others).status).toBe(400);
    const evil = await ask(`${scheme}://evil.example/nothing`, 'evil.example');
    expect(readRaw(evil).status).toBe(421);
  });
});

describe('the hosts of a service', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({
      env: {
        APP_URL: 'https://app.example.com/start',
        GRAPH_WEBHOOK_URL: 'https://hooks.example.com/webhooks/graph',
        ALLOWED_HOSTS: 'Inside.example.com',
      },
    });
  });
  afterAll(() => service.close());

  it.each(['app.example.com', 'hooks.example.com', 'inside.example.com', 'localhost'])(
    'are those of its URLs and its list: %s',
    async (host) => {
      expect(await statusFor(service.url, host)).toBe(404);
    },
  );

  it('are no others, for Graph neither', async () => {
    const post = (host: string) =>
      sendRaw(
        service.url,
        `POST /webhooks/graph?validationToken=a HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
    expect(readRaw(await post('hooks.example.com')).body).toBe('a');
    expect(readRaw(await post('evil.example')).status).toBe(421);
  });
});

describe('health under a host that is not served', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ env: { HEALTH_DETAILS: 'operator' } });
  });
  afterAll(() => service.close());

  async function health(host: string, key: string) {
    const bytes = `GET /api/health HTTP/1.1\r\nHost: ${host}\r\nX-API-Key: ${key}\r\nConnection: close\r\n\r\n`;
    return readRaw(await sendRaw(service.url, bytes));
  }

  it('looks at no key, so that a page which was led here locks nobody out', async () => {
    for (let guesses = 0; guesses < 25; guesses += 1) {
      const { status, body } = await health('evil.example', 'TEST-ONLY-wrong');
      expect([status, JSON.parse(body)]).toEqual([200, { status: 'healthy' }]);
    }
    expect((await service.api('GET', '/api/sinks')).status).toBe(200);
    expect((await service.api('GET', '/api/audit')).text).not.toContain('AUTH_CREDENTIAL_REFUSED');
    const right = await health('evil.example', OPERATOR_KEY);
    expect(JSON.parse(right.body)).toEqual({ status: 'healthy' });
    const ours = await health('localhost', OPERATOR_KEY);
    expect(JSON.parse(ours.body)).toHaveProperty('version');
  });
});
