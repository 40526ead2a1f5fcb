import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';

const SECRET = `whsec_${Buffer.from('TEST ONLY: secret of a tested sink').toString('base64')}`;

describe('POST /api/sinks/:id/test', () => {
  let service: TestService;
  let receiver: Receiver;
  let path: string;

  beforeAll(async () => {
    service = await startService();
    receiver = await startReceiver({ secret: SECRET });
    const sink = { name: 'tested', kind: 'webhook', url: receiver.url, secret: SECRET };
    path = `/api/sinks/${(await service.api('POST', '/api/sinks', sink)).body.id}`;
  });
  afterAll(async () => {
    await receiver.close();
    await service.close();
  });

  const test = () => service.api('POST', `${path}/test`);

  it('hands a signed event of its own to the sink, and tells what it answered', async () => {
    receiver.answer({ status: 202, body: 'thanks' });
    const { status, body } = await test();
    expect(status).toBe(200);
    expect(body).toEqual({
      outcome: 'delivered',
      reason: null,
      status: 202,
      durationMs: expect.any(Number),
      body: 'thanks',
    });
    const [request] = receiver.received;
    expect(request?.isGenuine).toBe(true);
    expect(request?.headers['content-type']).toBe('application/cloudevents+json');
    expect(JSON.parse(request?.body ?? '')).toEqual({
      specversion: '1.0',
      id: request?.headers['webhook-id'],
      source: '/sallyport',
      type: 'Sallyport.Test',
      subject: path.replace('/api/sinks/', 'sink/'),
      time: expect.stringMatching(/Z$/),
      datacontenttype: 'application/json',
      data: { sinkId: path.slice('/api/sinks/'.length) },
    });
  });

  it.each([
    [
      { status: 500, body: 'no' },
      { outcome: 'retry', reason: 'http-500', status: 500, body: 'no' },
    ],
    [{ status: 401 }, { outcome: 'dead', reason: 'http-401', status: 401, body: '' }],
    [{ status: 410 }, { outcome: 'dead', reason: 'http-410', status: 410, body: '' }],
    [
      { instead: 'reset' as const },
      { outcome: 'retry', reason: 'connection', status: null, body: '' },
    ],
  ])('tells what %j means', async (answer, expected) => {
    receiver.answer(answer);
    const tested = await test();
    expect(tested.status).toBe(200);
    expect(tested.body).toEqual({ ...expected, durationMs: expect.any(Number) });
  });

  it('leaves no row, and does the sink no harm', async () => {
    receiver.answer({ status: 410 });
    await test();
    receiver.answer({ status: 500 });
    for (let times = 0; times < 6; times += 1) await test(); // would open a breaker
    const { body } = await service.api('GET', path);
    expect(body).toMatchObject({
      enabled: true,
      failingSince: null,
      queue: { due: 0, claimed: 0, dead: 0 },
    });
    expect((await service.api('GET', '/api/notifications')).body.data).toEqual([]);
  });

  it('works while the sink is disabled: that is when one wants to know', async () => {
    await service.api('POST', `${path}/disable`);
    receiver.answer({ status: 200 });
    expect((await test()).body.outcome).toBe('delivered');
    expect((await service.api('POST', `${path}/enable`)).status).toBe(200);
  });

  it('writes how it ended into the audit, without what was answered', async () => {
    receiver.answer({ status: 500, body: 'planted' });
    await test();
    const { body, text } = await service.api(
      'GET',
      '/api/audit?eventType=ADMIN_SINK_TESTED&outcome=FAILURE&limit=1',
    );
    expect(body.data).toMatchObject([
      { severity: 'LOW', details: { outcome: 'retry', reason: 'http-500', status: 500 } },
    ]);
    expect(text).not.toContain('planted');
  });

  it('does not hold up a service that stops, and is in the audit all the same', async () => {
    const other = await startService();
    const hung = await startReceiver({ answer: { instead: 'hang' } });
    const sink = { name: 'hung', kind: 'webhook', url: hung.url };
    const { id } = (await other.api('POST', '/api/sinks', sink)).body;
    const tested = other.api('POST', `/api/sinks/${id}/test`);
    await until(() => hung.received.length === 1, 'it has been asked');
    const startedAt = performance.now();
    const next = await other.restart();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect((await tested).status).toBe(503);
    const { body } = await next.api('GET', '/api/audit?eventType=ADMIN_SINK_TESTED');
    expect(body.data).toMatchObject([{ outcome: 'FAILURE', details: { outcome: 'aborted' } }]);
    await next.close();
    await hung.close();
  });
});
