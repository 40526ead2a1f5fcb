import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Router } from '@koa/router';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { OPERATOR_KEY, startEdge } from './edge.ts';

const APP = 'https://app.example.com';

describe('pages of other origins', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  beforeAll(async () => {
    const api = new Router<RequestState>({ prefix: '/api/things' });
    api.get('/', (ctx) => {
      ctx.body = {};
    });
    edge = await startEdge({ api, edge: { corsOrigins: [APP] } });
  });
  afterAll(() => edge.close());

  interface Asked {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }

  const ask = (path: string, origin: string, { method = 'GET', headers = {} }: Asked = {}) =>
    fetch(edge.url + path, { method, headers: { ...headers, Origin: origin } });

  it.each([
    ['an answer', '/api/things', { headers: { 'X-API-Key': OPERATOR_KEY } }, 200],
    ['a refusal', '/api/things', {}, 401],
    ['nothing there', '/nothing', {}, 404],
  ])('may read %s when they are ours', async (_what, path, init, status) => {
    const answer = await ask(path, APP, init);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('access-control-allow-origin')).toBe(APP);
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
    const exposed = answer.headers.get('access-control-expose-headers')?.split(',');
    expect(exposed).toEqual(expect.arrayContaining(['X-Request-Id', 'Retry-After', 'RateLimit']));
    expect(answer.headers.get('vary')).toContain('Origin');
  });

  it.each([
    'https://app.example.com.evil.example',
    'https://app.example.co',
    'http://app.example.com',
    'https://app.example.com:444',
    'https://APP.example.com',
    'https://sub.app.example.com',
    'null',
    '*',
    '',
  ])('may read nothing from %j', async (origin) => {
    for (const init of [{}, preflight('GET')]) {
      const answer = await ask('/api/things', origin, init);
      const names = [...answer.headers.keys()];
      expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(answer.headers.get('vary')).toContain('Origin');
    }
  });

  it('learn before they ask which methods and headers there are', async () => {
    const answer = await ask('/api/things', APP, preflight('PATCH'));
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST,PATCH,DELETE');
    expect(answer.headers.get('access-control-allow-headers')).toBe(
      'Content-Type,X-API-Key,X-Organization-Id',
    );
    expect(answer.headers.get('access-control-max-age')).toBe('600');
    expect(answer.headers.get('strict-transport-security')).not.toBeNull();
  });

  function preflight(method: string): Asked {
    return {
      method: 'OPTIONS',
      headers: {
        'Access-Control-Request-Method': method,
        'Access-Control-Request-Headers': 'x-evil',
      },
    };
  }
});
