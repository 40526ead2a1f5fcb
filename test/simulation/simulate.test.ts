import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret } from '../../src/domain/secret.ts';
import type { SimulationProgress } from '../../src/simulation/report.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { freePort, startProxy } from './proxy.ts';

const operatorKey = new Secret(OPERATOR_KEY);
const progress = () => undefined;
const brief = { rate: 30, durationMs: 400, lateMs: 200, operatorKey };

describe('a simulation', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  it('finds nothing amiss with a service that keeps its promises', async () => {
    const report = await simulate(
      {
        url: service.url,
        operatorKey,
        rate: 50,
        durationMs: 2000,
        duplicates: 0.1,
        shuffled: 0.2,
        late: 0.1,
        lateMs: 500,
        forged: 0.05,
        seed: 4711,
      },
      { progress },
    );
    expect(report).toMatchObject({
      ok: true,
      seed: 4711,
      missing: 0,
      changedIds: 0,
      forgedDelivered: 0,
      unverified: 0,
      // Graph's repeats are told to the consumer once.
      duplicates: 0,
      retries: 0,
      leftBehind: [],
    });
    // Of 500 items: all kinds were there, or nothing was shown.
    expect(report.sent).toBeGreaterThan(400);
    expect(report.sent + report.forgedSent).toBe(500);
    expect(report.forgedSent).toBeGreaterThan(5);
    expect(report.repeated).toBeGreaterThan(20);
    expect(report.posts).toBeGreaterThanOrEqual(100);
    expect(report.acknowledged).toBe(report.sent);
    expect(report.delivered).toBe(report.sent);
    expect(report.ackMs.p50).toBeGreaterThan(0);
    expect(report.ackMs.p99).toBeGreaterThanOrEqual(report.ackMs.p50 ?? Infinity);
    for (const verdict of ['client-state', 'tenant', 'held', 'duplicate']) {
      expect(await service.metric('notifications_total', `{verdict="${verdict}"}`)).toBeGreaterThan(
        0,
      );
    }
  });

  it('plays the same again for the same seed', async () => {
    const first = await simulate({ ...brief, url: service.url }, { progress });
    const again = await simulate({ ...brief, url: service.url, seed: first.seed }, { progress });
    const shape = ({ sent, posts, repeated, forgedSent }: typeof first) =>
      JSON.stringify({ sent, posts, repeated, forgedSent });
    expect(shape(again)).toBe(shape(first));
    expect(again.ok).toBe(true);
  });

  it('tells how it goes on, step by step', async () => {
    const told: SimulationProgress[] = [];
    const report = await simulate(
      { ...brief, url: service.url },
      { progress: (one) => told.push(one) },
    );
    const steps = told.map(({ step }) => step).filter((step, at, all) => step !== all[at - 1]);
    expect(steps).toEqual(['handshake', 'setup', 'traffic', 'settling', 'cleanup']);
    expect(told.at(-1)).toMatchObject({ posts: report.posts, plannedPosts: report.posts });
  });

  it('works through a tunnel to its sink', async () => {
    const port = await freePort();
    const tunnel = await startProxy({ target: () => `http://127.0.0.1:${port}` });
    const report = await simulate(
      {
        ...brief,
        url: `${service.url}/`,
        listen: { host: '127.0.0.1', port },
        sinkUrl: `${tunnel.url}/`,
      },
      { progress },
    );
    expect(report.ok).toBe(true);
    expect(tunnel.requests.length).toBe(report.delivered);
    await tunnel.close();
  });

  it('has nothing to do with what others do in the service', async () => {
    await service.api('POST', '/api/sinks', { name: 'mine', kind: 'log' });
    const before = await service.api('GET', '/api/notifications?limit=200');
    await simulate({ ...brief, url: service.url }, { progress });
    expect((await service.api('GET', '/api/notifications?limit=200')).body).toEqual(before.body);
  });
});
