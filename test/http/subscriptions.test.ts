import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';

const PLANTED = 'planted-client-state-4711';

function wanted(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: randomUUID(),
    tenantId: '3F1D6A52-8C0B-4E7D-A9F4-2B6C8D0E1F35',
    applicationId: '5b7c1d2e-0f3a-4c6b-9d8e-1a2b3c4d5e6f',
    clientState: PLANTED,
    changeType: 'created,updated',
    resource: "/users/a/mailFolders('inbox')/messages",
    expirationDateTime: '2026-12-31T19:30:00.9876543+01:00',
    ...changes,
  };
}

describe('/api/subscriptions', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  const importIt = (body: unknown) => service.api('POST', '/api/subscriptions/import', body);

  it('imports one and gives it back without its client state', async () => {
    const { clientState: _, ...asked } = wanted({ description: '  of the board \n' });
    const imported = await importIt({ ...asked, clientState: PLANTED });
    expect(imported.status).toBe(201);
    expect(imported.body).toEqual({
      ...asked,
      tenantId: '3f1d6a52-8c0b-4e7d-a9f4-2b6c8d0e1f35',
      expirationDateTime: '2026-12-31T18:30:00.987Z',
      includeResourceData: false,
      encryptionCertificateId: null,
      description: 'of the board',
      notes: null,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
      deletedAt: null,
    });
    const read = await service.api('GET', `/api/subscriptions/${imported.body.id.toUpperCase()}`);
    expect(read.body).toEqual(imported.body);
  });

  it('is told apart from another one only by its id, letter case aside', async () => {
    const body = wanted();
    expect((await importIt(body)).status).toBe(201);
    const again = await importIt({ ...body, id: String(body['id']).toUpperCase() });
    expect(again.status).toBe(409);
    expect(again.body.error.code).toBe('CONFLICT');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an unknown field', { secret: 'x' }, 'secret'],
    ['no client state', { clientState: undefined }, 'clientState'],
    ['an empty client state', { clientState: '' }, 'clientState'],
    ['a long client state', { clientState: PLANTED.repeat(20) }, 'clientState'],
    ['a client state that is no text', { clientState: 4711 }, 'clientState'],
    ['an id that is no GUID', { id: 'x' }, 'id'],
    ['an unknown change', { changeType: 'created,renamed' }, 'changeType'],
    ['a time without offset', { expirationDateTime: '2026-12-31T18:00:00' }, 'expirationDateTime'],
    ['a day that is none', { expirationDateTime: '2026-02-30T18:00:00Z' }, 'expirationDateTime'],
    ['a resource of two lines', { resource: 'a\nb' }, 'resource'],
    ['a flag that is a text', { includeResourceData: 'true' }, 'includeResourceData'],
    ['a long description', { description: 'x'.repeat(2001) }, 'description'],
    ['notes that are long once they are escaped', { notes: '<'.repeat(501) }, 'notes'],
  ])('refuses %s and says where', async (_what, changes, path) => {
    const answer = await importIt(wanted(changes));
    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('VALIDATION_ERROR');
    expect(answer.body.error.details.map((each: { path: string }) => each.path)).toEqual([path]);
    expect(answer.text).not.toContain('planted');
  });

  it.each([[[]], ['text'], [null]])('refuses %j for a subscription', async (body) => {
    expect((await importIt(body)).status).toBe(400);
  });

  it('does not know strangers', async () => {
    const answer = await service.api('GET', `/api/subscriptions/${randomUUID()}`);
    expect(answer.status).toBe(404);
    expect(answer.body.error.code).toBe('NOT_FOUND');
  });

  it('lists all of them page by page, the latest first', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) ids.push((await importIt(wanted())).body.id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body, text } = await service.api('GET', `/api/subscriptions?limit=2${cursor}`);
      expect(body.data.length).toBeLessThanOrEqual(2);
      expect(text).not.toContain('planted');
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor === null ? '' : `&cursor=${encodeURIComponent(body.nextCursor)}`;
    } while (cursor !== '');
    expect(seen.slice(0, 5)).toEqual(ids.toReversed());
    expect(new Set(seen).size).toBe(seen.length);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['cursor=nonsense', 'cursor'],
    ['cursor=W10', 'cursor'],
    ['page=2', 'page'],
    ['deleted=yes', 'deleted'],
  ])('refuses ?%s', async (query, path) => {
    const answer = await service.api('GET', `/api/subscriptions?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toEqual([{ path, message: expect.any(String) }]);
  });

  describe('that are changed', () => {
    const change = (id: string, body: unknown) =>
      service.api('PATCH', `/api/subscriptions/${id}`, body);

    it('keeps what is not given, and shows no client state', async () => {
      const { body: before } = await importIt(wanted({ description: 'first' }));
      const changed = await change(before.id.toUpperCase(), {
        clientState: `${PLANTED}-2`,
        changeType: 'deleted',
        resource: '/users/b/events',
        expirationDateTime: '2027-01-01T00:00:00Z',
        includeResourceData: true,
        encryptionCertificateId: 'a',
        notes: 'call <b onclick=x>Ann</b>',
      });
      expect(changed.status).toBe(200);
      expect(changed.body).toEqual({
        ...before,
        changeType: 'deleted',
        resource: '/users/b/events',
        expirationDateTime: '2027-01-01T00:00:00.000Z',
        includeResourceData: true,
        encryptionCertificateId: 'a',
        notes: 'call <b>Ann</b>',
        updatedAt: expect.stringMatching(/Z$/),
      });
      expect(changed.text).not.toContain('planted');
      const cleared = await change(before.id, { encryptionCertificateId: null, description: '' });
      expect(cleared.body).toMatchObject({ encryptionCertificateId: null, description: null });
      const read = await service.api('GET', `/api/subscriptions/${before.id}`);
      expect(read.body).toEqual(cleared.body);
    });

    it.each<[string, Record<string, unknown>, string]>([
      ['its id', { id: randomUUID() }, 'id'],
      ['its tenant', { tenantId: randomUUID() }, 'tenantId'],
      ['its client state to none', { clientState: null }, 'clientState'],
      ['its time to none', { expirationDateTime: null }, 'expirationDateTime'],
      ['its changes to none', { changeType: '' }, 'changeType'],
    ])('refuses to change %s', async (_what, body, path) => {
      const { id } = (await importIt(wanted())).body;
      const answer = await change(id, body);
      expect(answer.status).toBe(400);
      expect(answer.body.error.details).toEqual([{ path, message: expect.any(String) }]);
    });

    it('does not know strangers', async () => {
      expect((await change(randomUUID(), { notes: 'x' })).status).toBe(404);
    });
  });

  describe('that are deleted', () => {
    const ask = (method: string, id: string, more = '') =>
      service.api(method, `/api/subscriptions/${id}${more}`);
    const idsOf = async (query: string) =>
      (await service.api('GET', `/api/subscriptions?limit=200${query}`)).body.data.map(
        ({ id }: { id: string }) => id,
      );

    it('are gone from all but the list of deleted ones, and come back as they were', async () => {
      const { body: before } = await importIt(wanted());
      const { id } = before;
      expect((await ask('DELETE', id.toUpperCase())).status).toBe(204);
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const body = method === 'PATCH' ? { notes: 'x' } : undefined;
        const answer = await service.api(method, `/api/subscriptions/${id}`, body);
        expect([method, answer.status]).toEqual([method, 404]);
      }
      expect(await idsOf('')).not.toContain(id);
      expect(await idsOf('&deleted=false')).not.toContain(id);
      const { body: deleted } = await service.api('GET', '/api/subscriptions?deleted=true');
      expect(deleted.data[0]).toMatchObject({ id, deletedAt: expect.stringMatching(/Z$/) });
      expect((await importIt(wanted({ id }))).status).toBe(409);

      const restored = await ask('POST', id, '/restore');
      expect(restored.status).toBe(200);
      expect(restored.body).toEqual({ ...before, updatedAt: expect.any(String) });
      expect(await idsOf('&deleted=true')).not.toContain(id);
      // Asked again because the answer was lost, it is no error.
      expect(await ask('POST', id, '/restore')).toMatchObject({ status: 200, body: restored.body });
    });

    it('are removed for good only after that', async () => {
      const { id } = (await importIt(wanted())).body;
      const early = await ask('DELETE', id, '?permanent=true');
      expect(early.status).toBe(409);
      expect(early.body.error.code).toBe('CONFLICT');
      expect((await ask('GET', id)).status).toBe(200);

      expect((await ask('DELETE', id, '?permanent=false')).status).toBe(204);
      expect((await ask('DELETE', id, '?permanent=true')).status).toBe(204);
      expect(await idsOf('&deleted=true')).not.toContain(id);
      for (const [method, more] of [
        ['POST', '/restore'],
        ['DELETE', '?permanent=true'],
      ] as const) {
        expect((await ask(method, id, more)).status).toBe(404);
      }
      expect((await importIt(wanted({ id }))).status).toBe(201);
    });

    it.each(['permanent=1', 'force=true'])('refuses ?%s, and deletes nothing', async (query) => {
      const { id } = (await importIt(wanted())).body;
      expect((await ask('DELETE', id, `?${query}`)).status).toBe(400);
      expect((await ask('GET', id)).status).toBe(200);
    });

    it('refuses what comes for them, and takes it again once they are restored', async () => {
      const body = wanted();
      const { id } = (await importIt(body)).body;
      const { tenantId } = body;
      let sent = 0;
      const send = async (clientState: string) => {
        sent += 1;
        const item = { subscriptionId: id, tenantId, clientState, changeType: 'created' };
        const value = [{ ...item, id: `n-${sent}`, resource: `users/a/messages/${sent}` }];
        expect((await service.post(JSON.stringify({ value }))).status).toBe(202);
      };
      const arrived = async () =>
        (await service.api('GET', `/api/notifications?subscriptionId=${id}`)).body.data.length;
      const verdicts = (name: string) =>
        service.metric('notifications_total', `{verdict="${name}"}`);
      const [forged, deleted] = [
        await verdicts('client-state'),
        await verdicts('deleted-subscription'),
      ];

      await send(PLANTED);
      await until(async () => (await arrived()) === 1, 'the first');
      await ask('DELETE', id);
      await send(PLANTED);
      expect(await verdicts('deleted-subscription')).toBe(deleted + 1);
      await ask('POST', id, '/restore');
      await send(PLANTED);
      await until(async () => (await arrived()) === 2, 'the one after it was restored');

      await service.api('PATCH', `/api/subscriptions/${id}`, { clientState: 'another' });
      await send(PLANTED);
      expect(await verdicts('client-state')).toBe(forged + 1);
      await send('another');
      await until(async () => (await arrived()) === 3, 'the one with the new client state');
    });
  });

  it('writes every act into the audit, with who did it, and no client state', async () => {
    const { id } = (await importIt(wanted())).body;
    const path = `/api/subscriptions/${id}`;
    await service.api('PATCH', path, { clientState: 'planted-too', notes: 'planted-notes' });
    await service.api('DELETE', path);
    await service.api('POST', `${path}/restore`);
    await service.api('POST', `${path}/restore`); // changes nothing
    await service.api('DELETE', path);
    await service.api('DELETE', `${path}?permanent=true`);
    const { body, text } = await service.api('GET', `/api/audit?resource=subscription/${id}`);
    expect(body.data.map(({ eventType }: { eventType: string }) => eventType)).toEqual([
      'DATA_SUBSCRIPTION_REMOVED_FOR_GOOD',
      'DATA_SUBSCRIPTION_REMOVED',
      'DATA_SUBSCRIPTION_RESTORED',
      'DATA_SUBSCRIPTION_REMOVED',
      'DATA_SUBSCRIPTION_CHANGED',
      'DATA_SUBSCRIPTION_IMPORTED',
    ]);
    for (const entry of body.data) {
      expect(entry).toMatchObject({ userId: 'operator', outcome: 'SUCCESS' });
    }
    expect(body.data[4].details).toEqual({ fields: 'clientState,notes' });
    expect(text).not.toContain('planted');
  });
});
