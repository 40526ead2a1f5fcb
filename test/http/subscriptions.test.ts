import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startService, type TestService } from '../support/service.ts';

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
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
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
  ])('refuses ?%s', async (query, path) => {
    const answer = await service.api('GET', `/api/subscriptions?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toEqual([{ path, message: expect.any(String) }]);
  });
});
