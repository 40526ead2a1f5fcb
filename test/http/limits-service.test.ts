import { afterEach, describe, expect, it } from '@jest/globals';
import type { Log } from '../../src/ports/log.ts';
import { silentLog } from '../support/silent-log.ts';
import { startService, type TestService } from '../support/service.ts';
import { repeat } from './limited-edge.ts';

const RATE_HEADERS = /^(?:x-)?ratelimit|^retry-after$/;

describe('limits of the service', () => {
  let service: TestService;
  afterEach(() => service.close());

  async function statuses(count: number, path: string, init?: RequestInit): Promise<number[]> {
    const given: number[] = [];
    for (let made = 0; made < count; made += 1) {
      const answer = await fetch(service.url + path, init);
      await answer.arrayBuffer();
      given.push(answer.status);
    }
    return given;
  }

  const notification: RequestInit = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"value":[]}',
  };

  it.each<[string, number, string, RequestInit]>([
    ['liveness', 200, '/health', {}],
    ['liveness by HEAD', 200, '/health', { method: 'HEAD' }],
    ['readiness', 200, '/health/ready', {}],
    ['health', 200, '/api/health', {}],
    ['notifications', 202, '/webhooks/graph', notification],
    ['handshakes', 200, '/webhooks/graph?validationToken=abc', { method: 'POST' }],
    ['lifecycle notifications', 202, '/webhooks/graph/lifecycle', notification],
    ['their handshakes', 200, '/webhooks/graph/lifecycle?validationToken=abc', { method: 'POST' }],
    ['methods that these routes do not have', 405, '/webhooks/graph', { method: 'GET' }],
  ])('are never for %s', async (_what, status, path, init) => {
    service = await startService({ env: { RATE_LIMIT_MAX: '1' } });
    expect(await statuses(2, '/nothing')).toEqual([404, 429]);
    const rounds = await Promise.all(repeat(0, 10).map(() => statuses(30, path, init)));
    expect(rounds.flat()).toEqual(repeat(status, 300));
    const { headers } = await fetch(service.url + path, init);
    expect([...headers.keys()].filter((name) => RATE_HEADERS.test(name))).toEqual([]);
  });

  it('are not for the metrics listener', async () => {
    service = await startService({ env: { RATE_LIMIT_MAX: '1' } });
    for (let scrape = 0; scrape < 110; scrape += 1) {
      expect(await service.metric('rate_store_degraded')).toBe(0);
    }
  });

  it('are 100 requests in 15 minutes for strangers, by default', async () => {
    service = await startService();
    expect(await statuses(101, '/api/sinks')).toEqual([...repeat(401, 100), 429]);
    const { headers } = await fetch(`${service.url}/docs`);
    expect(headers.get('ratelimit-policy')).toBe('"general";q=100;w=900');
    expect((await service.api('GET', '/api/sinks')).status).toBe(200);
    expect(await service.metric('rate_limit_exceeded_total', '{policy="general"}')).toBe(2);
  });

  it('are what the environment says', async () => {
    service = await startService({
      env: {
        RATE_LIMIT_MAX: '3',
        RATE_LIMIT_WINDOW_MS: '120000',
        RATE_LIMIT_API_MAX: '2',
        RATE_LIMIT_API_WINDOW_MS: '5000',
        TRUSTED_PROXIES: '127.0.0.1/32,::1/128',
        CLIENT_ADDRESS_HEADER: 'CF-Connecting-IP',
      },
    });
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      const headers = { 'CF-Connecting-IP': address };
      expect(await statuses(4, '/nothing', { headers })).toEqual([404, 404, 404, 429]);
    }
    const { headers } = await fetch(`${service.url}/nothing`);
    expect(headers.get('ratelimit-policy')).toBe('"general";q=3;w=120');
    for (const status of [200, 200, 429]) {
      const answer = await service.api('GET', '/api/sinks');
      expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([
        status,
        '"api";q=2;w=5',
      ]);
    }
  });

  it('can be switched off, which the log complains about', async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (_fields, message) => void warnings.push(message) };
    const env = { RATE_LIMIT_ENABLED: 'false', RATE_LIMIT_MAX: '1' };
    service = await startService({ env, log });
    expect(warnings).toEqual([expect.stringContaining('RATE_LIMIT_ENABLED')]);
    const wrong = { headers: { 'X-API-Key': 'TEST-ONLY-wrong' } };
    expect(await statuses(30, '/api/sinks', wrong)).toEqual(repeat(401, 30));
    expect((await service.api('GET', '/api/sinks')).status).toBe(200);
  });

  it('tell of a good key from where none is taken, which health answers as a stranger', async () => {
    const warned: string[] = [];
    const log: Log = { ...silentLog, warn: (_fields, message) => void warned.push(message) };
    const env = { HEALTH_DETAILS: 'operator', ADMIN_ALLOWED_IPS: '192.0.2.1/32' };
    service = await startService({ log, env });
    expect((await service.api('GET', '/api/health')).body).toEqual({ status: 'healthy' });
    expect(warned).toEqual(['administrator refused by address']);
    expect(await statuses(1, '/api/health')).toEqual([200]);
    expect(warned).toHaveLength(1);
  });

  it('keep the health that only the operator sees from telling whether a key is right', async () => {
    const warned: unknown[] = [];
    const log: Log = {
      ...silentLog,
      warn: (fields, message) => void warned.push([message, fields['path'], fields['policy']]),
    };
    service = await startService({ log, env: { HEALTH_DETAILS: 'operator' } });
    const wrong = { headers: { 'X-API-Key': 'TEST-ONLY-wrong' } };
    expect(await statuses(24, '/api/health', wrong)).toEqual(repeat(200, 24));
    expect((await service.api('GET', '/api/health')).body).toEqual({ status: 'healthy' });
    // It says by and by why the operator himself is not let in.
    expect(warned).toEqual([
      ...repeat(['credential refused', '/api/health', undefined], 20),
      ...repeat(['rate limit exceeded', '/api/health', 'credential'], 5),
    ]);
    expect(await service.metric('rate_limit_exceeded_total', '{policy="credential"}')).toBe(5);
    expect((await service.api('GET', '/api/sinks')).status).toBe(429);

    service = await service.restart();
    const { body } = await service.api('GET', '/api/audit');
    const entries = body.data.filter(
      ({ details }: { details?: { path?: string } }) => details?.path === '/api/health',
    );
    const types = entries.map(({ eventType }: { eventType: string }) => eventType);
    expect(new Set(types)).toEqual(
      new Set(['AUTH_CREDENTIAL_REFUSED', 'SECURITY_RATE_LIMIT_EXCEEDED']),
    );
  });
});
