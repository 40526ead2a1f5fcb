import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startService, type TestService } from '../support/service.ts';

interface Entry {
  readonly id: string;
  readonly timestamp: string;
  readonly eventType: string;
  readonly resource: string;
}

describe('/api/audit', () => {
  let service: TestService;
  let sinkIds: string[];

  beforeAll(async () => {
    service = await startService();
    sinkIds = [];
    for (const name of ['a', 'b', 'c']) {
      const added = await service.api('POST', '/api/sinks', { name, kind: 'log' });
      sinkIds.push(added.body.id);
    }
    await service.api('DELETE', `/api/sinks/${sinkIds[0]}`);
    await service.api('DELETE', `/api/sinks/${sinkIds[0]}?permanent=true`);
  });
  afterAll(() => service.close());

  async function search(query = ''): Promise<Entry[]> {
    const answer = await service.api('GET', `/api/audit?limit=200&${query}`);
    expect(answer.status).toBe(200);
    return answer.body.data;
  }

  it('tells who did what, from where, and how it ended, the latest first', async () => {
    const [latest, ...rest] = await search();
    expect(latest).toEqual({
      id: expect.any(String),
      timestamp: expect.stringMatching(/Z$/),
      eventType: 'ADMIN_SINK_REMOVED_FOR_GOOD',
      severity: 'HIGH',
      outcome: 'SUCCESS',
      userId: 'operator',
      ipAddress: '127.0.0.1',
      userAgent: expect.any(String),
      resource: `sink/${sinkIds[0]}`,
      requestId: expect.any(String),
      details: { discarded: 0 },
    });
    expect(rest.map(({ resource }) => resource)).toEqual(
      [sinkIds[0], sinkIds[2], sinkIds[1], sinkIds[0]].map((id) => `sink/${id}`),
    );
  });

  it('finds entries by each of their fields', async () => {
    expect(await search('eventType=ADMIN_SINK_ADDED')).toHaveLength(3);
    expect(await search('severity=HIGH')).toHaveLength(1);
    expect(await search('outcome=FAILURE')).toHaveLength(0);
    expect(await search('userId=operator')).toHaveLength(5);
    expect(await search('userId=nobody')).toHaveLength(0);
    expect(await search(`resource=sink/${sinkIds[0]}`)).toHaveLength(3);
    expect(await search(`resource=sink/${sinkIds[0]}&eventType=ADMIN_SINK_ADDED`)).toHaveLength(1);
  });

  it('finds entries by time: from is in, before is out', async () => {
    const all = await search();
    const at = all[2]?.timestamp ?? '';
    const after = all.filter(({ timestamp }) => timestamp >= at);
    expect(await search(`from=${at}`)).toEqual(after);
    expect(await search(`before=${at}`)).toEqual(all.filter(({ timestamp }) => timestamp < at));
  });

  it('gives the next page until there is none', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await service.api('GET', `/api/audit?limit=2${cursor}`);
      seen.push(...body.data.map(({ id }: Entry) => id));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
    }
    expect(seen).toEqual((await search()).map(({ id }) => id));
  });

  it.each(['severity=high', 'outcome=ok', 'from=today', 'organizationId=x', 'limit=0', 'cursor=x'])(
    'refuses ?%s',
    async (query) => {
      const answer = await service.api('GET', `/api/audit?${query}`);
      expect(answer.status).toBe(400);
      expect(answer.body.error.details[0].path).toBe(query.split('=')[0]);
    },
  );

  it('can not be changed', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await service.api(method, '/api/audit')).status).toBe(405);
    }
  });
});
