import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { importSamples, OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { genuineText } from './graph-posts.ts';

describe('the metrics of a sink', () => {
  let service: TestService;
  let receiver: Receiver;
  beforeAll(async () => {
    service = await startService();
    await importSamples(service);
    receiver = await startReceiver();
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
  });

  /** Whether anything was counted of it, by what it is counted under. */
  async function seriesOf(sinkId: string): Promise<readonly string[]> {
    const text = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.includes(`sink="${sinkId}"`));
    return [...new Set(lines.map((line) => line.replace(/\{.*/, '')))];
  }

  it('go with it once it is removed for good', async () => {
    const sink = { name: 'passing', kind: 'webhook', url: receiver.url };
    const { id } = (await service.api('POST', '/api/sinks', sink)).body;
    await service.post(genuineText('m-1'));
    await until(async () => (await seriesOf(id)).includes('deliveries_total'), 'it is counted');
    await service.api('DELETE', `/api/sinks/${id}`);
    expect(await seriesOf(id)).not.toHaveLength(0);
    await service.api('DELETE', `/api/sinks/${id}?permanent=true`);
    expect(await seriesOf(id)).toEqual([]);
  });

  it('go with a listener that leaves: each one has another id', async () => {
    const away = new AbortController();
    await fetch(`${service.url}/api/listen`, {
      method: 'POST',
      headers: { 'X-API-Key': OPERATOR_KEY },
      signal: away.signal,
    });
    const { body } = await service.api('GET', '/api/sinks');
    const { id } = body.data.find(({ kind }: { kind: string }) => kind === 'listen');
    await service.post(genuineText('m-2'));
    const due = `/api/notifications?delivery=claimed&sinkId=${id}`;
    await until(async () => (await service.api('GET', due)).body.data.length === 1, 'the event');
    const { data } = (await service.api('GET', due)).body;
    const answers = [{ deliveryId: `${data[0].id}_${id}`, status: 200 }];
    await service.api('POST', `/api/listen/${id}/answers`, { answers });
    await until(async () => (await seriesOf(id)).includes('deliveries_total'), 'it is counted');
    away.abort();
    await until(async () => (await seriesOf(id)).length === 0, 'nothing is left of it');
  });
});
