import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { serverEnv } from '../support/server-env.ts';
import { describeOnServers } from '../support/services.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { anItem } from '../faults/load.ts';
import { until } from '../support/wait.ts';

await describeOnServers('the service on servers', ({ mongodb, redis }) => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService({
      env: serverEnv({ mongodb: mongodb.url, redis: redis.url }),
    });
    await importSamples(service);
  });
  afterAll(() => service.close());

  it('tells how its servers are', async () => {
    const { body } = await service.api('GET', '/api/health');
    expect(body).toMatchObject({
      status: 'healthy',
      services: { mongodb: 'connected', redis: 'connected' },
    });
  });

  it('measures each command, by what it does and to what', async () => {
    const answer = await service.post(JSON.stringify({ value: [anItem('measured')] }));
    expect(answer.status).toBe(202);
    const count = (labels: string) => service.metric('db_query_duration_seconds_count', labels);
    const append = '{operation="insert",collection="receipts"}';
    expect(await count(append)).toBeGreaterThanOrEqual(1);
    await until(
      async () => (await count('{operation="insert",collection="notifications"}')) > 0,
      'it is expanded',
    );
    await until(async () => (await service.metric('db_connections_idle')) > 0, 'one is idle');
    // The first requests of a process may take so long that it counts them by itself, until Redis
    // is asked again.
    const degraded = () => service.metric('rate_store_degraded');
    await until(async () => (await degraded()) === 0, 'all instances count together');
  });

  it('begins where it stopped', async () => {
    const { body: before } = await service.api('GET', '/api/notifications');
    service = await service.restart();
    const { body: after } = await service.api('GET', '/api/notifications');
    expect(before.data.length).toBeGreaterThan(0);
    expect(after.data).toEqual(before.data);
  });
});
