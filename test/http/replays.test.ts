import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ReceivedRequest, type Receiver, startReceiver } from '../support/receiver.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { genuineItem, genuineText, sampleSubscription } from './graph-posts.ts';

const NOTIFICATIONS = 10_000;
const ITEMS = 100;

const eventOf = ({ body }: ReceivedRequest) => JSON.parse(body);
const idsOf = (received: readonly ReceivedRequest[]) =>
  new Set(received.map((request) => eventOf(request).id as string));

async function addSink(service: TestService, { url }: Receiver, more: object = {}) {
  const sink = { name: 'hook', kind: 'webhook', url, ...more };
  return (await service.api('POST', '/api/sinks', sink)).body.id as string;
}

async function finished(service: TestService, id: string) {
  const read = async () => (await service.api('GET', `/api/notifications/replays/${id}`)).body;
  await until(async () => (await read()).state === 'done', 'the replay is done', 60_000);
  return read();
}

describe('a replay of many notifications to a new sink', () => {
  it('brings each of them, though the service stops and starts half-way', async () => {
    let service = await startService({ env: { RATE_LIMIT_ENABLED: 'false' } });
    const [first, later] = [await startReceiver(), await startReceiver()];
    await importSamples(service);
    await addSink(service, first, { concurrency: 200 });
    for (let sent = 0; sent < NOTIFICATIONS; sent += ITEMS) {
      const ids = Array.from({ length: ITEMS }, (_, at) => `n-${sent + at}`);
      expect((await service.post(genuineText(...ids))).status).toBe(202);
    }
    await until(() => first.received.length >= NOTIFICATIONS, 'all are delivered', 60_000);

    const sinkId = await addSink(service, later, { concurrency: 200 });
    const half = Promise.withResolvers<object>();
    later.answer(() => (later.received.length > NOTIFICATIONS / 2 ? half.promise : {}));
    const started = await service.api('POST', '/api/notifications/replay', { sinkId });
    expect(started.status).toBe(202);
    const { id } = started.body;
    await until(() => later.received.length > NOTIFICATIONS / 2, 'half of them', 60_000);
    const before = (await service.api('GET', `/api/notifications/replays/${id}`)).body;
    expect(before).toMatchObject({ id, state: 'running', finishedAt: null });
    expect(before.deliveries).toBeLessThan(NOTIFICATIONS);

    later.answer({}); // what comes from now on, as soon as the next service has started
    const restarting = service.restart();
    half.resolve({ instead: 'reset' }); // what hung is never answered
    service = await restarting;
    expect(await finished(service, id)).toMatchObject({
      notifications: NOTIFICATIONS,
      deliveries: NOTIFICATIONS,
      finishedAt: expect.stringMatching(/Z$/),
    });
    await until(() => idsOf(later.received).size === NOTIFICATIONS, 'each arrives', 60_000);
    expect(idsOf(later.received)).toEqual(idsOf(first.received));
    for (const request of later.received) {
      expect(eventOf(request).replay).toBe(id);
      expect(request.headers['webhook-id']).toBe(`${eventOf(request).id}_${sinkId}_${id}`);
    }
    expect(first.received).toHaveLength(NOTIFICATIONS);
    await Promise.all([first.close(), later.close()]);
    await service.close();
  }, 180_000);
});

describe('/api/notifications/replay', () => {
  let service: TestService;
  let all: Receiver;
  let onlyCreated: Receiver;
  let sinkIds: { all: string; onlyCreated: string };
  const mail1 = sampleSubscription('mail1');

  beforeAll(async () => {
    service = await startService({ env: { RATE_LIMIT_ENABLED: 'false' } });
    [all, onlyCreated] = [await startReceiver(), await startReceiver()];
    await importSamples(service);
    const log = (await service.api('GET', '/api/sinks')).body.data[0].id;
    await service.api('DELETE', `/api/sinks/${log}`); // its deliveries are not seen here
    sinkIds = {
      all: await addSink(service, all),
      onlyCreated: await addSink(service, onlyCreated, { filter: { changeType: ['created'] } }),
    };
    const updated = { ...genuineItem('updated'), changeType: 'updated' };
    await service.post(JSON.stringify({ value: [genuineItem('created'), updated] }));
    await service.post(JSON.stringify({ value: [genuineItem('other', 'mailB')] }));
    await until(() => all.received.length === 3, 'all are delivered');
    await until(() => onlyCreated.received.length === 2, 'all are delivered');
  });
  afterAll(async () => {
    await Promise.all([all.close(), onlyCreated.close()]);
    await service.close();
  });

  const start = (body?: unknown) => service.api('POST', '/api/notifications/replay', body);
  const namesOf = (received: readonly ReceivedRequest[]) =>
    received
      .map((request) => eventOf(request).data.id as string)
      .toSorted((a, b) => a.localeCompare(b));

  /** Replays, and gives what came of it at both sinks. */
  async function replayed(body?: unknown) {
    const before = [all.received.length, onlyCreated.received.length] as const;
    const { id } = (await start(body)).body;
    const { deliveries } = await finished(service, id);
    const added = () => [all.received.slice(before[0]), onlyCreated.received.slice(before[1])];
    await until(() => added().flat().length === deliveries, 'all that was made arrives');
    for (const request of added().flat()) expect(eventOf(request).replay).toBe(id);
    return { id, all: namesOf(added()[0] ?? []), onlyCreated: namesOf(added()[1] ?? []) };
  }

  it('brings each one to its own sinks again, with the same id', async () => {
    const before = idsOf(all.received);
    const [first] = all.received.map(eventOf);
    expect(first).not.toHaveProperty('replay');
    expect(await replayed()).toMatchObject({
      all: ['created', 'other', 'updated'],
      onlyCreated: ['created', 'other'],
    });
    expect(idsOf(all.received)).toEqual(before);
  });

  it('brings what it is told to by subscription, tenant, sink and time', async () => {
    const bySubscription = await replayed({ filter: { subscriptionId: mail1.id.toUpperCase() } });
    expect(bySubscription.all).toEqual(['created', 'updated']);
    const { tenantId } = sampleSubscription('mailB');
    expect((await replayed({ filter: { tenantId } })).all).toEqual(['other']);
    const bySink = await replayed({ filter: { sinkId: sinkIds.onlyCreated }, sinkId: sinkIds.all });
    expect(bySink).toMatchObject({ all: ['created', 'other'], onlyCreated: [] });

    const { body } = await service.api('GET', '/api/notifications');
    const [latest] = body.data;
    const at = latest.receivedAt;
    const after = new Date(Date.parse(at) + 1).toISOString();
    expect(await replayed({ filter: { from: after } })).toMatchObject({ all: [], onlyCreated: [] });
    expect((await replayed({ filter: { from: at, before: after } })).all).toEqual(['other']);
    expect((await replayed({ filter: { before: at } })).all).toEqual(['created', 'updated']);
  });

  it('brings a sink only what its own filter lets through', async () => {
    expect(await replayed({ sinkId: sinkIds.onlyCreated })).toMatchObject({
      all: [],
      onlyCreated: ['created', 'other'],
    });
  });

  it('shows the deliveries of a replay with the notification', async () => {
    const { id } = await replayed({ filter: { subscriptionId: mail1.id }, sinkId: sinkIds.all });
    const [event] = all.received.slice(-1).map(eventOf);
    const read = async () => (await service.api('GET', `/api/notifications/${event.id}`)).body;
    const deliveryId = `${event.id}_${sinkIds.all}_${id}`;
    const find = async () =>
      (await read()).deliveries.find((each: { id: string }) => each.id === deliveryId);
    await until(async () => (await find())?.state === 'delivered', 'it is settled');
    expect(await find()).toMatchObject({ sinkId: sinkIds.all, attempt: 1 });
  });

  it('lists replays, the latest first, and tells what they were asked', async () => {
    const filter = { subscriptionId: mail1.id, from: '2026-01-01T00:00:00.000Z' };
    const { body } = await start({ filter, sinkId: sinkIds.all });
    const done = await finished(service, body.id);
    expect(done).toEqual({
      id: body.id,
      state: 'done',
      filter: { ...filter, before: expect.stringMatching(/Z$/) },
      sinkId: sinkIds.all,
      notifications: 2,
      deliveries: 2,
      createdAt: body.createdAt,
      finishedAt: expect.stringMatching(/Z$/),
    });
    const list = await service.api('GET', '/api/notifications/replays?limit=1');
    expect(list.body).toEqual({ data: [done], nextCursor: expect.any(String) });
    const audit = await service.api('GET', `/api/audit?resource=replay/${body.id}`);
    expect(audit.body.data).toMatchObject([
      { eventType: 'ADMIN_REPLAY_STARTED', userId: 'operator', details: { sinkId: sinkIds.all } },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['an unknown field', { sinks: [] }, 'sinks'],
    ['a filter by what there is not', { filter: { type: 'x' } }, 'filter.type'],
    ['a sink that is none', { sinkId: 'x' }, 'sinkId'],
    ['a time that is none', { filter: { from: 'yesterday' } }, 'filter.from'],
    ['several tenants', { filter: { tenantId: [mail1.tenantId] } }, 'filter.tenantId'],
  ])('refuses %s', async (_what, body, path) => {
    const answer = await start(body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toEqual([{ path, message: expect.any(String) }]);
  });

  it('does not know strangers', async () => {
    const stranger = '00000000-0000-4000-8000-000000000000';
    expect((await start({ sinkId: stranger })).status).toBe(404);
    expect((await service.api('GET', `/api/notifications/replays/${stranger}`)).status).toBe(404);
  });
});
