import { afterEach, describe, expect, it } from '@jest/globals';
import { OPERATOR_KEY } from './edge.ts';
import { type LimitedEdge, repeat, rising, startLimitedEdge } from './limited-edge.ts';

const WRONG = { 'X-API-Key': 'TEST-ONLY-wrong' };

describe('wrong credentials', () => {
  let edge: LimitedEdge;
  afterEach(() => edge.close());

  it('are 401 twenty times, then 429 until their window ends', async () => {
    edge = await startLimitedEdge();
    expect(await edge.statuses(20, '/api/things', WRONG)).toEqual(repeat(401, 20));
    await edge.clock.turn(60_000);
    const refused = await edge.ask('/api/things', WRONG);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('840');
    expect(refused.headers.get('ratelimit-policy')).toBe('"credential";q=20;w=900');
    expect(refused.headers.get('ratelimit')).toBe('"credential";r=0;t=840');
    expect(JSON.parse(await refused.text()).error).toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      retryAfter: 840,
    });
    const { text } = await edge.metrics.render();
    expect(text).toContain('rate_limit_exceeded_total{policy="credential"} 1');

    // A good one is not looked at either: else guessing would go on all the same.
    expect((await edge.askAsOperator('/api/things')).status).toBe(429);
    // Whoever shows none is a stranger like any other.
    expect((await edge.ask('/nothing')).status).toBe(404);

    await edge.clock.turn(840_000);
    expect((await edge.askAsOperator('/api/things')).status).toBe(200);
    expect(await edge.statuses(21, '/api/things', WRONG)).toEqual([...repeat(401, 20), 429]);
  });

  it('count as requests of a stranger', async () => {
    edge = await startLimitedEdge();
    const { headers } = await edge.ask('/api/things', WRONG);
    expect(headers.get('ratelimit')).toBe('"general";r=99;t=900');
    await edge.statuses(99, '/nothing');
    const refused = await edge.ask('/api/things', WRONG);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('ratelimit-policy')).toBe('"general";q=100;w=900');
  });

  it('end in 401 everywhere, not as if there were none', async () => {
    edge = await startLimitedEdge();
    expect((await edge.ask('/nothing', WRONG)).status).toBe(401);
    expect((await edge.ask('/nothing')).status).toBe(404);
  });

  it('do not count when they are good', async () => {
    edge = await startLimitedEdge();
    const key = { 'X-API-Key': OPERATOR_KEY };
    expect(await edge.statuses(60, '/api/things', key)).toEqual(repeat(200, 60));
    expect(await edge.statuses(20, '/api/things', WRONG)).toEqual(repeat(401, 20));
  });

  it('are 20 also when they come all at once', async () => {
    edge = await startLimitedEdge();
    const asked = Array.from({ length: 60 }, () => edge.ask('/api/things', WRONG));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.toSorted(rising)).toEqual([...repeat(401, 20), ...repeat(429, 40)]);
  });

  it('of one client do not keep others out', async () => {
    edge = await startLimitedEdge({ trusted: ['127.0.0.0/8'] });
    await edge.statuses(21, '/api/things', { ...WRONG, 'X-Forwarded-For': '192.0.2.1' });
    const ask = (address: string) =>
      edge.ask('/api/things', { 'X-API-Key': OPERATOR_KEY, 'X-Forwarded-For': address });
    expect((await ask('192.0.2.1')).status).toBe(429);
    expect((await ask('192.0.2.2')).status).toBe(200);
  });
});
