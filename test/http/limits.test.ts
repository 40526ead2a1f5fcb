import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { OPERATOR_KEY } from './edge.ts';
import { type LimitedEdge, repeat, rising, startLimitedEdge } from './limited-edge.ts';

const FAMILIES = [
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'ratelimit-policy',
  'ratelimit',
];

const limitsOf = ({ headers }: Response) => FAMILIES.map((name) => headers.get(name));

describe('limits', () => {
  let edge: LimitedEdge;
  beforeEach(async () => {
    edge = await startLimitedEdge();
  });
  afterEach(() => edge.close());

  const epochSeconds = () => edge.clock.now() / 1000; // the clock starts at a full second

  it('tell on each counted answer where the client stands', async () => {
    const end = epochSeconds() + 900;
    const general = (remaining: number, left: number) => [
      '100',
      String(remaining),
      String(end),
      '100',
      String(remaining),
      String(left),
      '"general";q=100;w=900',
      `"general";r=${remaining};t=${left}`,
    ];
    const first = await edge.ask('/api/things');
    expect([first.status, ...limitsOf(first)]).toEqual([401, ...general(99, 900)]);
    await edge.clock.turn(300_500);
    const second = await edge.ask('/nothing');
    expect([second.status, ...limitsOf(second)]).toEqual([404, ...general(98, 600)]);
    expect(second.headers.has('retry-after')).toBe(false);
    const third = await edge.ask('/api/things', {}, 'DELETE');
    expect([third.status, ...limitsOf(third)]).toEqual([405, ...general(97, 600)]);

    const known = await edge.askAsOperator('/api/things');
    expect(known.status).toBe(200);
    expect(limitsOf(known)).toEqual([
      '100',
      '99',
      String(Math.ceil(epochSeconds() + 60)),
      '100',
      '99',
      '60',
      '"api";q=100;w=60',
      '"api";r=99;t=60',
    ]);
  });

  it('refuse the 101st request of a window, and say when to come back', async () => {
    expect(await edge.statuses(100, '/nothing')).toEqual(repeat(404, 100));
    await edge.clock.turn(899_400);
    const refused = await edge.ask('/nothing');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    const end = String(Math.ceil(epochSeconds()));
    expect(limitsOf(refused)).toEqual([
      '100',
      '0',
      end,
      '100',
      '0',
      '1',
      '"general";q=100;w=900',
      '"general";r=0;t=1',
    ]);
    expect(refused.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const { error } = JSON.parse(await refused.text());
    expect(error).toEqual({
      code: 'RATE_LIMIT_EXCEEDED',
      message: 'Too many requests, please try again later',
      status: 429,
      timestamp: new Date(edge.clock.now()).toISOString(),
      requestId: refused.headers.get('x-request-id'),
      retryAfter: 1,
    });

    await edge.clock.turn(599);
    expect((await edge.ask('/nothing')).status).toBe(429);
    await edge.clock.turn(1);
    const anew = await edge.ask('/nothing');
    expect([anew.status, anew.headers.get('x-ratelimit-remaining')]).toEqual([404, '99']);
  });

  it('count a principal by the minute, and apart from strangers at its address', async () => {
    await edge.statuses(101, '/nothing');
    const key = { 'X-API-Key': OPERATOR_KEY };
    expect(await edge.statuses(101, '/api/things', key)).toEqual([...repeat(200, 100), 429]);
    const refused = await edge.askAsOperator('/api/things');
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(refused.headers.get('ratelimit-policy')).toBe('"api";q=100;w=60');
    await edge.clock.turn(60_000);
    expect((await edge.askAsOperator('/api/things')).status).toBe(200);
    expect((await edge.ask('/nothing')).status).toBe(429);
  });

  it('let exactly 100 of 200 concurrent requests through', async () => {
    const asked = Array.from({ length: 200 }, () => edge.askAsOperator('/api/things'));
    const answers = await Promise.all(asked);
    const statuses = answers.map(({ status }) => status).toSorted(rising);
    expect(statuses).toEqual([...repeat(200, 100), ...repeat(429, 100)]);
    const remaining = answers.flatMap(({ status, headers }) =>
      status === 200 ? Number(headers.get('x-ratelimit-remaining')) : [],
    );
    expect(remaining.toSorted(rising)).toEqual(repeat(0, 100).map((_, at) => at));
  });

  it('speak RFC 9457 to who asks for it', async () => {
    await edge.statuses(100, '/nothing');
    const refused = await edge.ask('/nothing', { Accept: 'application/problem+json' });
    expect(JSON.parse(await refused.text())).toMatchObject({
      title: 'Too Many Requests',
      status: 429,
      code: 'RATE_LIMIT_EXCEEDED',
      retryAfter: 900,
    });
  });

  it('count what they refuse, by policy', async () => {
    await edge.statuses(103, '/nothing');
    await edge.statuses(102, '/api/things', { 'X-API-Key': OPERATOR_KEY });
    const { text } = await edge.metrics.render();
    expect(text).toContain('rate_limit_exceeded_total{policy="general"} 3');
    expect(text).toContain('rate_limit_exceeded_total{policy="api"} 2');
    expect(text).toContain(
      'http_requests_total{method="GET",route="/api/things",status_code="429"} 2',
    );
  });
});

describe('limits on several instances', () => {
  it('are shared out while each has to count for itself', async () => {
    const edge = await startLimitedEdge({
      instances: 30,
      store: (memory) => ({
        ...memory,
        hit: async (...args) => ({ ...(await memory.hit(...args)), degraded: true }),
      }),
    });
    expect(await edge.statuses(5, '/nothing')).toEqual([...repeat(404, 4), 429]);
    const { headers } = await edge.ask('/nothing');
    expect(headers.get('x-ratelimit-limit')).toBe('4');
    await edge.close();
  });

  it('let nobody through uncounted when the store is away', async () => {
    const edge = await startLimitedEdge({
      store: (memory) => ({
        ...memory,
        hit: () => Promise.reject(new StoreUnavailableError('rate store')),
      }),
    });
    for (const answer of [await edge.ask('/nothing'), await edge.askAsOperator('/api/things')]) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    await edge.close();
  });
});
