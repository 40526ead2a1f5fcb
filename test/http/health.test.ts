import { afterEach, describe, expect, it } from '@jest/globals';
import { startService, type TestService } from '../support/service.ts';

describe('health routes', () => {
  let service: TestService;
  afterEach(() => service.close());

  it('answer without a credential', async () => {
    service = await startService();
    const ask = async (path: string) => {
      const response = await fetch(service.url + path);
      return { status: response.status, body: JSON.parse(await response.text()) };
    };
    expect(await ask('/health')).toEqual({
      status: 200,
      body: { status: 'ok', timestamp: expect.stringMatching(/Z$/) },
    });
    const ready = await ask('/health/ready');
    expect(ready).toMatchObject({ status: 200, body: { status: 'ready' } });
    expect(Object.values(ready.body.checks)).not.toHaveLength(0);
    for (const check of Object.values(ready.body.checks)) {
      expect(check).toEqual({ status: 'healthy', latencyMs: expect.any(Number) });
    }
    const { status, body } = await ask('/api/health');
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'healthy',
      uptime: expect.any(Number),
      timestamp: expect.stringMatching(/Z$/),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      services: Object.fromEntries(
        Object.keys(ready.body.checks).map((name) => [name, 'connected']),
      ),
      queues: {
        count: 2,
        expand: { waiting: 0, active: 0, delayed: 0, failed: 0 },
        deliver: { waiting: 0, active: 0, delayed: 0, failed: 0 },
      },
    });
  });

  it('show strangers no more than the status when details are for the operator', async () => {
    service = await startService({ env: { HEALTH_DETAILS: 'operator' } });
    const response = await fetch(`${service.url}/api/health`);
    expect(JSON.parse(await response.text())).toEqual({ status: 'healthy' });
    const { body } = await service.api('GET', '/api/health');
    expect(Object.keys(body.services)).not.toHaveLength(0);
  });
});
