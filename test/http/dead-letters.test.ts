import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { importSamples, readSample, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { genuineText } from './graph-posts.ts';

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
    await until(async () => (await list()).length === 6, 'all deliveries are dead');
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
    ['ids and a filter', { ids: ['a'], filter: {} }, 'filter'],
    ['neither ids nor a filter', { comment: 'x' }, 'ids'],
    ['a filter by what there is not', { filter: { type: 'x' } }, 'filter.type'],
    ['a time that is none', { filter: { before: 'now' } }, 'filter.before'],
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

describe('dead letters that are chosen by a filter', () => {
  let service: TestService;
  let receivers: Receiver[];
  let sinkIds: string[];

  beforeEach(async () => {
    service = await startService();
    receivers = [
      await startReceiver({ answer: { status: 400 } }),
      await startReceiver({ answer: { status: 404 } }),
    ];
    await importSamples(service);
    sinkIds = [];
    for (const { url } of receivers) {
      const wanted = { name: 'picky', kind: 'webhook', url };
      sinkIds.push((await service.api('POST', '/api/sinks', wanted)).body.id);
    }
  });
  afterEach(async () => {
    for (const receiver of receivers) await receiver.close();
    await service.close();
  });

  interface Shown {
    readonly id: string;
    readonly sinkId: string;
    readonly reason: string;
    readonly finishedAt: string;
    readonly notification: { readonly subscriptionId: string; readonly tenantId: string };
  }

  async function search(query = ''): Promise<Shown[]> {
    const found: Shown[] = [];
    for (let cursor = ''; ;) {
      const path = `/api/dead-letters?limit=200&${query}${cursor}`;
      const { body } = await service.api('GET', path);
      found.push(...body.data);
      if (body.nextCursor === null) return found;
      cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
    }
  }

  /** Posts so many notifications and waits until both sinks have refused them all. */
  async function refuse(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 50) {
      const ids = Array.from({ length: Math.min(50, count - sent) }, (_, at) => `n-${sent + at}`);
      expect((await service.post(genuineText(...ids))).status).toBe(202);
    }
    const died = async () => (await service.metric('dead_letters')) === 2 * count;
    await until(died, 'all are dead', 60_000);
  }

  const act = (what: 'redrive' | 'discard', body: unknown) =>
    service.api('POST', `/api/dead-letters/${what}`, body);

  it('are found by sink, subscription, tenant, reason and time', async () => {
    await service.post(readSample('06-batch-two-tenants.json'));
    await until(async () => (await search()).length === 8, 'all four are dead at both sinks');
    const all = await search();
    const [one] = all;
    if (one === undefined) throw new Error('no dead letter');
    const { subscriptionId, tenantId } = one.notification;
    const checks: [string, (each: Shown) => boolean][] = [
      [`sinkId=${sinkIds[0]}`, (each) => each.sinkId === sinkIds[0]],
      ['reason=http-404', (each) => each.reason === 'http-404'],
      [
        `subscriptionId=${subscriptionId.toUpperCase()}`,
        ({ notification }) => {
          return notification.subscriptionId === subscriptionId;
        },
      ],
      [`tenantId=${tenantId}`, ({ notification }) => notification.tenantId === tenantId],
      [`from=${one.finishedAt}`, (each) => each.finishedAt >= one.finishedAt],
      [`before=${one.finishedAt}`, (each) => each.finishedAt < one.finishedAt],
      ['reason=timeout', () => false],
    ];
    for (const [query, holds] of checks) expect(await search(query)).toEqual(all.filter(holds));
    expect(await search(`sinkId=${sinkIds[1]}&reason=http-400`)).toEqual([]);
  });

  it('are redriven page after page, those that die again only once', async () => {
    await refuse(450);
    const before = receivers.map(({ received }) => received.length);
    const answer = await act('redrive', { filter: { sinkId: sinkIds[0] }, comment: 'once more' });
    expect(answer).toMatchObject({ status: 200, body: { count: 450 } });
    const tried = () => receivers[0]?.received.length === (before[0] ?? 0) + 450;
    await until(tried, 'all are tried', 30_000);
    await until(async () => (await service.metric('dead_letters')) === 900, 'all are dead again');
    expect(receivers[0]?.received).toHaveLength((before[0] ?? 0) + 450);
    expect(receivers[1]?.received).toHaveLength(before[1] ?? 0);
  }, 120_000);

  it('are discarded for good: not listed, not redriven, and shown as what they are', async () => {
    await refuse(210);
    const [letter] = await search(`sinkId=${sinkIds[1]}`);
    expect((await act('discard', { ids: [letter?.id, 'stranger'] })).body).toEqual({ count: 1 });
    expect((await act('discard', { ids: [letter?.id] })).body).toEqual({ count: 0 });
    expect((await act('redrive', { ids: [letter?.id] })).body).toEqual({ count: 0 });
    const [notificationId = ''] = letter?.id.split('_') ?? [];
    const { body } = await service.api('GET', `/api/notifications/${notificationId}`);
    expect(body.deliveries.find(({ id }: Shown) => id === letter?.id)).toMatchObject({
      state: 'discarded',
      dueAt: null,
      finishedAt: expect.stringMatching(/Z$/),
    });

    const answer = await act('discard', { filter: { sinkId: sinkIds[1] } });
    expect(answer.body).toEqual({ count: 209 });
    expect(await search(`sinkId=${sinkIds[1]}`)).toEqual([]);
    expect(await service.metric('dead_letters')).toBe(210);
    expect((await act('discard', { filter: {} })).body).toEqual({ count: 210 });
    expect(await search()).toEqual([]);
  }, 90_000);

  it('leaves those alone that died after the time that was given', async () => {
    await refuse(3);
    const all = await search();
    const at = all[2]?.finishedAt ?? '';
    const older = all.filter(({ finishedAt }) => finishedAt < at).length;
    expect((await act('discard', { filter: { before: at } })).body).toEqual({ count: older });
    expect(await search()).toHaveLength(all.length - older);
  });

  it('are written into the audit with who, how many, and the cleaned comment', async () => {
    await refuse(2);
    const comment = 'see <a href="https://wiki.example/1">wiki</a><script>x</script>';
    await act('redrive', { filter: { reason: 'http-400' }, comment });
    await act('discard', { ids: ['stranger'] });
    const { body } = await service.api('GET', '/api/audit?resource=dead-letters');
    expect(body.data).toMatchObject([
      {
        eventType: 'DATA_DEAD_LETTERS_DISCARDED',
        userId: 'operator',
        details: { asked: 1, count: 0, comment: null },
      },
      {
        eventType: 'DATA_DEAD_LETTERS_REDRIVEN',
        details: {
          'filter.reason': 'http-400',
          count: 2,
          comment: 'see <a href="https://wiki.example/1" rel="noopener">wiki</a>',
        },
      },
    ]);
  });
});
