import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { importSamples, readSample, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';

describe('/api/dead-letters', () => {
  let service: TestService;
  let receiver: Receiver;

  beforeAll(async () => {
    service = await startService();
    receiver = await startReceiver({ answer: { status: 400 } });
    await importSamples(service);
    const sink = { name: 'picky', kind: 'webhook', url: receiver.url };
    await service.api('POST', '/api/sinks', sink);
    await service.post(readSample('05-batch-three-subscriptions.json'));
    await until(async () => (await list()).length > 2, 'all deliveries are dead');
  });
  afterAll(async () => {
    await receiver.close();
    await service.close();
  });

  interface Letter {
    readonly id: string;
    readonly notification: { readonly id: string };
  }

  async function list(): Promise<Letter[]> {
    return (await service.api('GET', '/api/dead-letters?limit=200')).body.data;
  }

  const redrive = (body: unknown) => service.api('POST', '/api/dead-letters/redrive', body);

  it('lists deliveries that nobody took, with what they would have delivered', async () => {
    const letters = await list();
    expect(letters[0]).toEqual({
      id: `${letters[0]?.notification.id}_${(letters[0] as { sinkId?: string }).sinkId}`,
      sinkId: expect.any(String),
      attempt: 1,
      reason: 'http-400',
      createdAt: expect.stringMatching(/Z$/),
      finishedAt: expect.stringMatching(/Z$/),
      notification: expect.objectContaining({ type: expect.stringMatching(/^Microsoft\.Graph\./) }),
    });
    expect(await service.metric('dead_letters')).toBe(letters.length);
  });

  it.each<[string, unknown, string]>([
    ['no ids', { ids: [] }, 'ids'],
    ['1,001 ids', { ids: Array.from({ length: 1001 }, (_, at) => `id-${at}`) }, 'ids'],
    ['ids that are none', { ids: [1] }, 'ids.0'],
    ['a filter', { ids: ['a'], filter: {} }, 'filter'],
    ['a long comment', { ids: ['a'], comment: 'x'.repeat(2001) }, 'comment'],
  ])('refuses %s', async (_what, body, path) => {
    const answer = await redrive(body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toEqual([{ path, message: expect.any(String) }]);
  });

  it('redrives those that are named and dead, and no others', async () => {
    const before = await list();
    const [first] = before;
    receiver.answer({ status: 200 });
    const received = receiver.received.length;

    const answer = await redrive({ ids: [first?.id, 'stranger'], comment: 'sink was mended' });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ count: 1 });
    await until(() => receiver.received.length === received + 1, 'it is delivered');
    expect(receiver.received.at(-1)?.headers['webhook-id']).toBe(first?.id);
    expect((await list()).map(({ id }) => id)).toEqual(before.slice(1).map(({ id }) => id));

    expect((await redrive({ ids: [first?.id] })).body).toEqual({ count: 0 });
    const path = `/api/notifications/${first?.notification.id}`;
    await until(async () => {
      const { deliveries } = (await service.api('GET', path)).body;
      return deliveries.some((each: Letter & { state: string }) => {
        return each.id === first?.id && each.state === 'delivered';
      });
    }, 'it is known to be delivered');
  });
});
