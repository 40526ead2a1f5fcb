import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryFolder } from '../support/folder.ts';
import {
  importSamples,
  readSample,
  startService,
  SUBSCRIPTIONS,
  type TestService,
} from '../support/service.ts';
import { until } from '../support/wait.ts';

const [mail1] = SUBSCRIPTIONS;
if (mail1 === undefined) throw new Error('no sample subscription');
const BIG = '{"big":9007199254740993123,"exact":1.10,"key":1,"key":2}';
const TWO_TENANTS = 2;

async function addWebhook(service: TestService, url: string): Promise<string> {
  const sink = { name: 'hook', kind: 'webhook', url, filter: { lifecycle: 'also' } };
  return (await service.api('POST', '/api/sinks', sink)).body.id;
}

function bigItem(): string {
  return `{"value":[{"subscriptionId":"${mail1?.id}","tenantId":"${mail1?.tenantId}","clientState":"${mail1?.clientState}","changeType":"created","resource":"Users/a/Messages/big","resourceData":${BIG}}]}`;
}

describe('/api/notifications', () => {
  let service: TestService;
  let receiver: Receiver;
  let sinkId: string;

  beforeAll(async () => {
    service = await startService();
    receiver = await startReceiver({ answer: { body: 'thanks, planted-answer' } });
    await importSamples(service);
    sinkId = await addWebhook(service, receiver.url);
    for (const body of [
      readSample('06-batch-two-tenants.json'),
      bigItem(),
      readSample('12-lifecycle-reauthorization-required.json'),
      readSample('16-rich-channel-message.json'),
    ]) {
      expect((await service.post(body)).status).toBe(202);
    }
    await until(async () => (await service.metric('inbox_backlog_receipts')) === 0, 'expansion');
    expect(await search('state=waiting')).toHaveLength(1);
    await until(async () => (await search('delivery=due')).length === 0, 'all is delivered');
    await until(async () => (await search('delivery=claimed')).length === 0, 'all is settled');
  });
  afterAll(async () => {
    await receiver.close();
    await service.close();
  });

  type Shown = Record<string, unknown> & { id: string; tenantId: string; receivedAt: string };

  async function search(query = ''): Promise<Shown[]> {
    const answer = await service.api('GET', `/api/notifications?limit=200&${query}`);
    expect(answer.status).toBe(200);
    return answer.body.data;
  }

  it('lists them, the latest first, without their data', async () => {
    const all = await search();
    expect(all[0]).toMatchObject({ state: 'waiting' });
    const sequences = all.map(({ sequence }) => String(sequence));
    expect(sequences).toEqual(sequences.toSorted().toReversed());
    for (const each of all) {
      expect(Object.keys(each)).toEqual([
        'id',
        'subscriptionId',
        'tenantId',
        'applicationId',
        'state',
        'type',
        'subject',
        'sequence',
        'receivedAt',
      ]);
    }
  });

  it('finds them by state, subscription, tenant, sink and delivery', async () => {
    expect((await search('state=pending')).map(({ type }) => type)).toEqual([
      'Microsoft.Graph.SubscriptionReauthorizationRequired',
    ]);
    const tenants = new Set((await search()).map(({ tenantId }) => tenantId));
    expect(tenants.size).toBe(TWO_TENANTS);
    let found = 0;
    for (const tenant of tenants) {
      const ofTenant = await search(`tenantId=${tenant.toUpperCase()}`);
      expect(new Set(ofTenant.map(({ tenantId }) => tenantId))).toEqual(new Set([tenant]));
      found += ofTenant.length;
    }
    expect(found).toBe((await search()).length);
    const ofMail = await search(`subscriptionId=${mail1.id}`);
    expect(ofMail.some(({ subject }) => subject === 'Users/a/Messages/big')).toBe(true);
    expect(new Set(ofMail.map((each) => each['subscriptionId']))).toEqual(new Set([mail1.id]));
    // The one that waits for its key has no deliveries.
    expect(await search(`sinkId=${sinkId}&delivery=delivered`)).toHaveLength(
      (await search()).length - 1,
    );
    expect(await search(`sinkId=${sinkId}&delivery=dead`)).toEqual([]);
    expect(await search('sinkId=00000000-0000-4000-8000-000000000000')).toEqual([]);
  });

  it('finds them by time: from is in, before is out', async () => {
    const [one] = await search('state=pending');
    const at = one?.receivedAt ?? '';
    const after = new Date(Date.parse(at) + 1).toISOString();
    expect(await search(`state=pending&from=${at}&before=${after}`)).toHaveLength(1);
    expect(await search(`state=pending&before=${at}`)).toHaveLength(0);
    expect(await search(`state=pending&from=${after}`)).toHaveLength(0);
  });

  it('gives the next page until there is none', async () => {
    const seen: string[] = [];
    let path = '/api/notifications?limit=2';
    for (;;) {
      const { body } = await service.api('GET', path);
      seen.push(...body.data.map(({ id }: Shown) => id));
      if (body.nextCursor === null) break;
      path = `/api/notifications?limit=2&cursor=${encodeURIComponent(body.nextCursor)}`;
    }
    expect(seen).toEqual((await search()).map(({ id }) => id));
  });

  it.each([
    'state=lost',
    'from=yesterday',
    'cursor=x',
    'q=1',
    'tenantId=x',
    'state=accepted&state=pending',
  ])('refuses ?%s', async (query) => {
    const answer = await service.api('GET', `/api/notifications?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details[0].path).toBe(query.split('=')[0]);
  });

  it('shows one with its data exactly as Graph sent it, its deliveries and their tries', async () => {
    const ofMail = await search(`subscriptionId=${mail1.id}`);
    const big = ofMail.find(({ subject }) => subject === 'Users/a/Messages/big');
    const { text, body, headers } = await service.api('GET', `/api/notifications/${big?.id}`);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(text).toContain(`"resourceData":${BIG}`);
    expect(text).not.toContain(mail1.clientState);
    expect(body).toMatchObject(big ?? {});
    expect(body.deliveries.find((each: Shown) => each['sinkId'] === sinkId)).toEqual({
      id: `${big?.id}_${sinkId}`,
      sinkId,
      state: 'delivered',
      dueAt: null,
      attempt: 1,
      reason: null,
      createdAt: expect.stringMatching(/Z$/),
      finishedAt: expect.stringMatching(/Z$/),
      attempts: [
        {
          number: 1,
          startedAt: expect.stringMatching(/Z$/),
          durationMs: expect.any(Number),
          outcome: 'delivered',
          reason: null,
          status: 200,
          answer: 'thanks, planted-answer',
        },
      ],
    });
  });

  it('shows one that waits without what is sealed', async () => {
    const [waiting] = await search('state=waiting');
    const { body, text } = await service.api('GET', `/api/notifications/${waiting?.id}`);
    expect(body).toMatchObject({ state: 'waiting', data: null, deliveries: [] });
    expect(text).not.toMatch(/encrypted|keyId|sealed/);
  });

  it('does not know strangers', async () => {
    expect((await service.api('GET', `/api/notifications/${'0'.repeat(40)}`)).status).toBe(404);
  });
});

describe('a notification whose key is gone', () => {
  it('is shown all the same, without what its sink answered', async () => {
    const { path, remove } = temporaryFolder();
    const folder = { path, remove: () => undefined }; // outlives the first service
    const receiver = await startReceiver({ answer: { body: 'thanks' } });
    const start = (...ids: string[]) => {
      const ring = ids.map((id) => `${id}:${id.repeat(64)}`).join(',');
      return startService({ folder, env: { ENCRYPTION_KEYS: ring } });
    };

    const before = await start('a');
    await importSamples(before);
    const sinkId = await addWebhook(before, receiver.url);
    await before.post(readSample('01-message-created.json'));
    const list = `/api/notifications?sinkId=${sinkId}&delivery=delivered`;
    const find = async (service: TestService) => (await service.api('GET', list)).body.data;
    await until(async () => (await find(before)).length === 1, 'it is delivered');
    await before.close();

    // Only what was sealed in passing may lose its key: the sink's own secret has to be made anew.
    const both = await start('b', 'a');
    expect((await both.api('POST', `/api/sinks/${sinkId}/rotate-secret`)).status).toBe(200);
    await both.close();
    const after = await start('b');
    const [{ id }] = await find(after);
    const { status, body } = await after.api('GET', `/api/notifications/${id}`);
    expect(status).toBe(200);
    const delivery = body.deliveries.find((each: { sinkId: string }) => each.sinkId === sinkId);
    expect(delivery.attempts).toMatchObject([{ number: 1, outcome: 'delivered', answer: null }]);
    expect(body.data.changeType).toBe('created');
    await after.close();
    await receiver.close();
    remove();
  });
});
