import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TurnedClock } from '../support/clock.ts';
import { expandHostileCases } from '../support/hostile-bodies.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { dataOf, genuineItem, sampleSubscription, watchSink } from './graph-posts.ts';

const cases = expandHostileCases((n) => genuineItem(`genuine-${n}`));
const { clientState, id: subscriptionId } = sampleSubscription('mail1');

describe('hostile bodies, over HTTP, at a webhook sink', () => {
  let service: TestService;
  let receiver: Receiver;
  let delivered = 0;

  beforeAll(async () => {
    // Its time stands still, so that a busy machine does not turn a 202 into a 503.
    service = await startService({ clock: new TurnedClock() });
    await importSamples(service);
    receiver = await startReceiver();
    await watchSink(service, receiver);
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
  });

  it.each(cases)('$name', async ({ headers, body, expect: { status, accepted } }) => {
    const from = receiver.received.length;
    const answer = await service.post(new Uint8Array(body), headers);
    expect(answer.status).toBe(status);
    const text = await answer.text();
    if (status === 202) expect(text).toBe('{"status":"accepted"}');
    else expect(JSON.parse(text).error.status).toBe(status);
    expect(text).not.toContain(clientState);

    await until(() => receiver.received.length - from >= accepted, 'what is genuine');
    delivered += accepted;
    const data = receiver.received.slice(from).map(dataOf);
    const sent = body.toString('utf8').replace(',"encryptedContent":null', '');
    for (const one of data) {
      expect(JSON.parse(one).subscriptionId).toBe(subscriptionId);
      expect(one).not.toContain(clientState);
      // Nothing was rebuilt: what follows the secret stands there as it was sent.
      expect(sent.includes(one.slice(one.indexOf('"tenantId"')))).toBe(true);
    }
  });

  it('deliver what is genuine and nothing else, not even later', async () => {
    await until(async () => (await service.metric('inbox_backlog_receipts')) === 0, 'expansion');
    for (const state of ['due', 'claimed']) {
      const path = `/api/notifications?delivery=${state}`;
      await until(
        async () => (await service.api('GET', path)).body.data.length === 0,
        `no ${state}`,
      );
    }
    expect(receiver.received).toHaveLength(delivered);
    expect(delivered).toBe(cases.reduce((sum, one) => sum + one.expect.accepted, 0));
  });

  it('leave the service as it was: nothing answered with a 5xx, all of it healthy', async () => {
    const text = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(text).not.toMatch(/^http_requests_total\{.*status_code="5/m);
    expect(await service.metric('held_items')).toBeLessThanOrEqual(10_000);
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
    expect({}).not.toHaveProperty('polluted');
  });
});
