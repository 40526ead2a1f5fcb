import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver } from '../support/receiver.ts';
import { importSamples, readSample, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';

const SECRET = `whsec_${Buffer.from('TEST ONLY: planted secret of a sink').toString('base64')}`;
const EMPTY_QUEUE = { due: 0, claimed: 0, dead: 0, oldestAt: null };
const WEBHOOK = { name: 'hook', kind: 'webhook', url: 'https://sink.example/in' };

describe('/api/sinks', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  const add = (changes: Record<string, unknown> = {}) =>
    service.api('POST', '/api/sinks', { ...WEBHOOK, ...changes });
  const change = (id: string, body: unknown) => service.api('PATCH', `/api/sinks/${id}`, body);

  it('has a log sink from the first start', async () => {
    const { body } = await service.api('GET', '/api/sinks');
    expect(body.data).toMatchObject([{ kind: 'log', enabled: true, url: null }]);
  });

  it('adds a webhook and gives its secret once', async () => {
    const added = await add();
    expect(added.status).toBe(201);
    const { secret, ...sink } = added.body;
    expect(secret).toMatch(/^whsec_/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    expect(sink).toEqual({
      ...WEBHOOK,
      stream: null,
      collection: null,
      id: expect.any(String),
      purpose: 'notifications',
      hasHeaders: false,
      previousSecretsUntil: null,
      filter: {},
      enabled: true,
      disabledReason: null,
      concurrency: 20,
      ratePerSecond: null,
      description: null,
      notes: null,
      failingSince: null,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
      deletedAt: null,
    });
    const read = await service.api('GET', `/api/sinks/${sink.id}`);
    expect(read.body).toEqual({ ...sink, queue: EMPTY_QUEUE });
    const list = await service.api('GET', '/api/sinks?limit=200');
    const changed = await change(sink.id, { name: 'other' });
    expect(list.text + changed.text).not.toContain(secret.slice(6));
  });

  it('takes a secret, headers and a filter, and shows no secret', async () => {
    const added = await add({
      secret: SECRET,
      headers: { 'X-Team': 'planted-4711' },
      filter: { tenantId: ['3F1D6A52-8C0B-4E7D-A9F4-2B6C8D0E1F35'], resource: ['users/a'] },
      concurrency: 1,
      ratePerSecond: 5,
    });
    expect(added.body).toMatchObject({
      secret: SECRET,
      hasHeaders: true,
      filter: { tenantId: ['3f1d6a52-8c0b-4e7d-a9f4-2b6c8d0e1f35'], resource: ['users/a'] },
      concurrency: 1,
      ratePerSecond: 5,
    });
    expect(added.text).not.toContain('planted-4711');
    expect((await change(added.body.id, { headers: null })).body.hasHeaders).toBe(false);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['no name', { name: ' ' }, 'name'],
    ['a name of two lines', { name: 'a\nb' }, 'name'],
    ['an unknown kind', { kind: 'mail' }, 'kind'],
    ['an unknown purpose', { purpose: 'all' }, 'purpose'],
    ['an unknown field', { enable: true }, 'enable'],
    ['no url', { url: undefined }, 'url'],
    ['a url that is none', { url: 'sink.example' }, 'url'],
    ['another scheme', { url: 'file:///etc/passwd' }, 'url'],
    ['credentials in the url', { url: 'https://planted:planted@sink.example/' }, 'url'],
    ['a fragment', { url: 'https://sink.example/#planted' }, 'url'],
    ['a secret of another form', { secret: 'planted-planted-planted-planted-planted' }, 'secret'],
    [
      'a short secret',
      { secret: `whsec_${Buffer.alloc(23, 'planted').toString('base64')}` },
      'secret',
    ],
    ['a long secret', { secret: `whsec_${Buffer.alloc(65).toString('base64')}` }, 'secret'],
    ['a header for framing', { headers: { 'Content-Length': '1' } }, 'headers.Content-Length'],
    ['a header of ours', { headers: { 'Webhook-Id': '1' } }, 'headers.Webhook-Id'],
    [
      'a hop-by-hop header',
      { headers: { 'proxy-authorization': '1' } },
      'headers.proxy-authorization',
    ],
    ['a header that is no token', { headers: { 'a b': '1' } }, 'headers.a b'],
    ['a header of two lines', { headers: { a: '1\r\nplanted: 2' } }, 'headers.a'],
    ['a long header', { headers: { a: 'x'.repeat(1025) } }, 'headers.a'],
    ['a header twice', { headers: { a: '1', A: '2' } }, 'headers'],
    [
      '21 headers',
      { headers: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`a${at}`, ''])) },
      'headers',
    ],
    ['half of a surrogate pair', { filter: { resource: ['users/\ud800'] } }, 'filter.resource.0'],
    ['half of one in a note', { notes: 'oops \ud83d' }, 'notes'],
    ['a URL too long to be sent', { url: `https://a.example/${'a'.repeat(2048)}` }, 'url'],
    ['no concurrency', { concurrency: 0 }, 'concurrency'],
    ['too much concurrency', { concurrency: 201 }, 'concurrency'],
    ['a rate of none', { ratePerSecond: 0 }, 'ratePerSecond'],
    ['a filter that nothing passes', { filter: { tenantId: [] } }, 'filter.tenantId'],
    ['a filter by what there is not', { filter: { sender: ['a'] } }, 'filter.sender'],
    ['a secret for a log', { kind: 'log', url: undefined, secret: SECRET }, 'secret'],
    ['a url for a log', { kind: 'log' }, 'url'],
    ['a stream for a webhook', { stream: 'orders' }, 'stream'],
    ['a collection for a webhook', { collection: 'orders' }, 'collection'],
    [
      'a redis-stream without a server',
      { kind: 'redis-stream', url: undefined, stream: 'orders' },
      'kind',
    ],
    [
      'a mongo-collection without a server',
      { kind: 'mongo-collection', url: undefined, collection: 'orders' },
      'kind',
    ],
    ['headers for a log', { kind: 'log', url: undefined, headers: { a: '1' } }, 'headers'],
  ])('refuses %s and says where', async (_what, changes, path) => {
    const answer = await add(changes);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details.map((each: { path: string }) => each.path)).toEqual([path]);
    expect(answer.body.error.details[0].message).not.toContain('planted');
  });

  it('takes 20 headers, and the longest of values', async () => {
    const headers = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`a${at}`, 'x'.repeat(1024)]),
    );
    expect((await add({ headers })).status).toBe(201);
  });

  it('changes the fields that are given and no others', async () => {
    const { id } = (await add({ description: 'first', ratePerSecond: 5 })).body;
    const read = async () => (await service.api('GET', `/api/sinks/${id}`)).body;
    const { queue, ...before } = await read();
    const { status, body } = await change(id, {
      ratePerSecond: null,
      enabled: false,
      notes: 'ask <a href="https://wiki.example/x">the wiki</a>',
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...before,
      ratePerSecond: null,
      enabled: false,
      notes: 'ask <a href="https://wiki.example/x" rel="noopener">the wiki</a>',
      updatedAt: expect.any(String),
    });
    expect(await read()).toEqual({ ...body, queue });
  });

  it.each<[string, unknown]>([
    ['its kind', { kind: 'log' }],
    ['its secret', { secret: SECRET }],
    ['its purpose', { purpose: 'operations' }],
    ['its url to none', { url: null }],
    ['its url to another scheme', { url: 'ftp://sink.example' }],
  ])('does not change %s', async (_what, body) => {
    const { id } = (await add()).body;
    expect((await change(id, body)).status).toBe(400);
  });

  it('removes one', async () => {
    const { id } = (await add()).body;
    expect((await service.api('DELETE', `/api/sinks/${id}`)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) {
      expect((await service.api(method, `/api/sinks/${id}`)).status).toBe(404);
    }
    expect((await change(id, { name: 'back' })).status).toBe(404);
    expect((await service.api('GET', '/api/sinks?limit=200')).text).not.toContain(id);
    expect((await service.api('GET', '/api/sinks?limit=200&deleted=true')).text).toContain(id);
  });

  it('restores one as it was', async () => {
    const { secret: _, ...before } = (await add({ description: 'kept' })).body;
    const path = `/api/sinks/${before.id}`;
    await service.api('DELETE', path);
    const restored = await service.api('POST', `${path}/restore`);
    expect(restored.status).toBe(200);
    expect(restored.body).toEqual({ ...before, updatedAt: expect.any(String) });
    expect((await service.api('POST', `${path}/restore`)).body).toEqual(restored.body);
    expect((await service.api('GET', '/api/sinks?limit=200&deleted=true')).text).not.toContain(
      before.id,
    );
  });

  it('removes for good only what was removed before', async () => {
    const path = `/api/sinks/${(await add()).body.id}`;
    const early = await service.api('DELETE', `${path}?permanent=true`);
    expect(early.status).toBe(409);
    expect(early.body.error.code).toBe('CONFLICT');
    expect((await service.api('DELETE', path)).status).toBe(204);
    expect((await service.api('DELETE', `${path}?permanent=true`)).status).toBe(204);
    expect((await service.api('DELETE', `${path}?permanent=true`)).status).toBe(404);
    expect((await service.api('POST', `${path}/restore`)).status).toBe(404);
  });

  it('writes every act into the audit, without addresses and secrets', async () => {
    const { id } = (await add({ url: 'https://planted.example/', secret: SECRET })).body;
    await change(id, { headers: { a: 'planted-4711' } });
    await service.api('DELETE', `/api/sinks/${id}`);
    const { body, text } = await service.api('GET', `/api/audit?resource=sink/${id}`);
    expect(body.data.map(({ eventType }: { eventType: string }) => eventType)).toEqual([
      'ADMIN_SINK_REMOVED',
      'ADMIN_SINK_CHANGED',
      'ADMIN_SINK_ADDED',
    ]);
    for (const entry of body.data) {
      expect(entry).toMatchObject({ userId: 'operator', outcome: 'SUCCESS' });
    }
    expect(text).not.toMatch(/planted|whsec_/);
  });
});

describe('a webhook sink that is managed', () => {
  it('gets its own headers, is disabled by 410, and goes on when it is enabled again', async () => {
    const service = await startService();
    const receiver = await startReceiver({ answer: { status: 410 } });
    await importSamples(service);
    const { id } = (
      await service.api('POST', '/api/sinks', {
        name: 'gone',
        kind: 'webhook',
        url: receiver.url,
        headers: { 'X-Team': 'blue' },
      })
    ).body;
    const read = async () => (await service.api('GET', `/api/sinks/${id}`)).body;

    await service.post(readSample('01-message-created.json'));
    await until(async () => !(await read()).enabled, 'the sink is disabled');
    expect((await read()).disabledReason).toEqual(expect.any(String));
    expect(receiver.received[0]?.headers['x-team']).toBe('blue');

    await service.post(readSample('03-message-deleted.json'));
    receiver.answer({ status: 200 });
    const enabled = await service.api('PATCH', `/api/sinks/${id}`, { enabled: true });
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null, failingSince: null });
    await until(() => receiver.received.length === 2, 'what waited is delivered');
    await receiver.close();
    await service.close();
  });

  it('must be https in production', async () => {
    const service = await startService({
      env: {
        NODE_ENV: 'production',
        ENCRYPTION_KEYS: `a:${'0f1e2d3c4b5a69788796a5b4c3d2e1f0'.repeat(2)}`,
      },
    });
    const ask = (url: string) => service.api('POST', '/api/sinks', { ...WEBHOOK, url });
    const refused = await ask('http://sink.example/');
    expect(refused.status).toBe(400);
    expect(refused.body.error.details).toEqual([{ path: 'url', message: 'must be https' }]);
    expect((await ask('https://sink.example/')).status).toBe(201);
    await service.close();
  });
});
