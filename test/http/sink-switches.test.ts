import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { dataOf, genuineText } from './graph-posts.ts';

describe('a sink that is switched', () => {
  let service: TestService;
  let receiver: Receiver;
  let path: string;

  beforeAll(async () => {
    service = await startService();
    receiver = await startReceiver();
    await importSamples(service);
    const sink = { name: 'switched', kind: 'webhook', url: receiver.url };
    path = `/api/sinks/${(await service.api('POST', '/api/sinks', sink)).body.id}`;
  });
  afterAll(async () => {
    await receiver.close();
    await service.close();
  });

  const read = async () => (await service.api('GET', path)).body;
  const arrived = () => receiver.received.map((one) => JSON.parse(dataOf(one)).id as string);

  it.each([
    ['disable', 'enable', null],
    ['pause', 'resume', 'paused'],
    ['pause', 'enable', 'paused'],
  ])('keeps what comes while it is off (%s), and goes on with %s', async (off, on, reason) => {
    for (let times = 0; times < 2; times += 1) {
      const answer = await service.api('POST', `${path}/${off}`);
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ enabled: false, disabledReason: reason });
    }
    const before = arrived();
    const ids = [`${off}-${on}-1`, `${off}-${on}-2`];
    for (const id of ids) expect((await service.post(genuineText(id))).status).toBe(202);
    await until(async () => (await read()).queue.due === 2, 'both wait');
    const { queue } = await read();
    expect(queue).toEqual({
      due: 2,
      claimed: 0,
      dead: 0,
      oldestAt: expect.stringMatching(/Z$/),
    });
    expect(Math.abs(Date.parse(queue.oldestAt) - Date.now())).toBeLessThan(60_000);
    expect(arrived()).toEqual(before);

    for (let times = 0; times < 2; times += 1) {
      const answer = await service.api('POST', `${path}/${on}`);
      expect(answer.body).toMatchObject({ enabled: true, disabledReason: null });
    }
    await until(() => arrived().length === before.length + 2, 'both arrive');
    expect(new Set(arrived().slice(before.length))).toEqual(new Set(ids));
    await until(async () => (await read()).queue.claimed === 0, 'all is settled');
    expect((await read()).queue).toEqual({ due: 0, claimed: 0, dead: 0, oldestAt: null });
  });

  it('is not blamed for what its old place did once it leads elsewhere', async () => {
    const answer = await startReceiver({ answer: { status: 503 } });
    const sink = { name: 'moved', kind: 'webhook', url: answer.url };
    const moved = `/api/sinks/${(await service.api('POST', '/api/sinks', sink)).body.id}`;
    await service.post(genuineText('moved-1'));
    const since = async () => (await service.api('GET', moved)).body.failingSince;
    await until(async () => (await since()) !== null, 'it fails');
    expect(
      (await service.api('PATCH', moved, { name: 'renamed' })).body.failingSince,
    ).not.toBeNull();
    const { body } = await service.api('PATCH', moved, { url: `${answer.url}/elsewhere` });
    expect(body.failingSince).toBeNull();
    await service.api('DELETE', moved);
    await answer.close();
  });

  it('gives up what waits for it when it is removed for good', async () => {
    const answer = await startReceiver();
    const sink = { name: 'doomed', kind: 'webhook', url: answer.url, enabled: false };
    const doomed = (await service.api('POST', '/api/sinks', sink)).body.id;
    await service.post(genuineText('doomed-1', 'doomed-2'));
    const listed = async (state: string) =>
      (await service.api('GET', `/api/notifications?sinkId=${doomed}&delivery=${state}`)).body.data;
    await until(async () => (await listed('due')).length === 2, 'both wait');

    // As long as it can be restored, nothing is lost.
    await service.api('DELETE', `/api/sinks/${doomed}`);
    expect(await listed('due')).toHaveLength(2);
    await service.api('POST', `/api/sinks/${doomed}/restore`);
    expect((await service.api('GET', `/api/sinks/${doomed}`)).body.queue.due).toBe(2);

    await service.api('DELETE', `/api/sinks/${doomed}`);
    const gone = await service.api('DELETE', `/api/sinks/${doomed}?permanent=true`);
    expect(gone.status).toBe(204);
    expect(await listed('due')).toEqual([]);
    expect(await listed('discarded')).toHaveLength(2);
    const audit = await service.api('GET', `/api/audit?resource=sink/${doomed}&severity=HIGH`);
    expect(audit.body.data).toMatchObject([{ details: { discarded: 2 } }]);
    expect(answer.received).toEqual([]);
    await answer.close();
  });

  it.each(['enable', 'disable', 'pause', 'resume', 'test', 'restore'])(
    'takes no wishes that it would not fulfil: %s',
    async (act) => {
      const before = await read();
      const answer = await service.api('POST', `${path}/${act}`, { minutes: 5 });
      expect(answer.status).toBe(400);
      expect(answer.body.error.details).toMatchObject([{ path: 'minutes' }]);
      expect(await read()).toEqual(before);
    },
  );

  it('writes into the audit who switched it', async () => {
    await service.api('POST', `${path}/pause`);
    await service.api('POST', `${path}/resume`);
    const resource = path.replace('/api/sinks/', 'sink/');
    const { body } = await service.api('GET', `/api/audit?resource=${resource}&limit=2`);
    expect(body.data).toMatchObject([
      { eventType: 'ADMIN_SINK_ENABLED', userId: 'operator' },
      { eventType: 'ADMIN_SINK_PAUSED', userId: 'operator' },
    ]);
  });
});

describe('a sink for operations', () => {
  it('gets no notifications, though its filter would match', async () => {
    const service = await startService();
    const [operations, other] = [await startReceiver(), await startReceiver()];
    await importSamples(service);
    const add = (purpose: string, { url }: Receiver) =>
      service.api('POST', '/api/sinks', { name: purpose, kind: 'webhook', purpose, url });
    const added = await add('operations', operations);
    expect(added.body).toMatchObject({ purpose: 'operations' });
    await add('notifications', other);
    await service.post(genuineText('one'));
    await until(() => other.received.length === 1, 'the other sink gets it');
    const query = `sinkId=${added.body.id}`;
    expect((await service.api('GET', `/api/notifications?${query}`)).body.data).toEqual([]);
    expect(operations.received.map(dataOf).join('')).not.toContain('"one"');

    const answer = await service.api('POST', '/api/notifications/replay', {
      sinkId: added.body.id,
    });
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toMatchObject([{ path: 'sinkId' }]);
    await Promise.all([operations.close(), other.close()]);
    await service.close();
  });
});
