import { afterEach, describe, expect, it } from '@jest/globals';
import { createTrustedProxies } from '../../src/adapters/http/trusted-proxies.ts';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { POLICIES } from '../../src/domain/limits/policies.ts';
import { TurnedClock } from '../support/clock.ts';
import { OPERATOR_KEY, startEdge } from './edge.ts';

const KEY = { 'X-API-Key': OPERATOR_KEY };
const WRONG = { 'X-API-Key': 'TEST-ONLY-wrong' };

describe('who is refused', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  let clock: TurnedClock;
  afterEach(() => edge.close());

  async function start(admins: readonly string[] = []) {
    clock = new TurnedClock();
    const store = createMemoryRateStore({ clock, maxKeysPerPolicy: 1000 });
    const general = { ...POLICIES.general, max: 2 };
    const rates = { store, policies: { ...POLICIES, general }, instances: 1 };
    const proxies = createTrustedProxies({ ranges: ['127.0.0.0/8'], header: 'x-forwarded-for' });
    edge = await startEdge({ clock, rates, proxies, admins });
  }

  const ask = (headers: Record<string, string>, path = '/nothing') =>
    fetch(edge.url + path, { headers: { 'User-Agent': 'probe/1', ...headers } });
  const logged = (message: string) =>
    edge.lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === message);

  it('for too many requests is logged each time, and audited once a minute and address', async () => {
    await start();
    for (let made = 0; made < 5; made += 1) await ask({}, '/nothing?token=TEST-ONLY-planted');
    await ask({ 'X-Forwarded-For': '192.0.2.9' });
    const lines = logged('rate limit exceeded');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({
      level: 'warn',
      policy: 'general',
      ipAddress: '127.0.0.1',
      path: 'unmatched',
      userAgent: 'probe/1',
      requestId: expect.any(String),
    });
    expect(edge.lines.join('')).not.toContain('planted');
    const { text } = await edge.metrics.render();
    expect(text).toContain('rate_limit_exceeded_total{policy="general"} 3');
    expect(edge.audited).toHaveLength(1);
    expect(edge.audited[0]).toMatchObject({
      eventType: 'SECURITY_RATE_LIMIT_EXCEEDED',
      outcome: 'FAILURE',
      ipAddress: '127.0.0.1',
      details: { policy: 'general', path: 'unmatched' },
    });
    for (let made = 0; made < 2; made += 1) await ask({ 'X-Forwarded-For': '192.0.2.9' });
    expect(edge.audited.map(({ ipAddress }) => ipAddress)).toEqual(['127.0.0.1', '192.0.2.9']);
    await clock.turn(60_000);
    await ask({});
    expect(edge.audited).toHaveLength(3);
  });

  it('for a wrong key is written down, without the key', async () => {
    await start();
    await ask(WRONG);
    expect(logged('credential refused')).toHaveLength(1);
    expect(edge.audited[0]).toMatchObject({ eventType: 'AUTH_CREDENTIAL_REFUSED' });
    expect(edge.lines.join('') + JSON.stringify(edge.audited)).not.toContain('TEST-ONLY-wrong');
  });

  it('as an administrator from elsewhere learns nothing about the key', async () => {
    await start(['10.0.0.0/8', '2001:db8::/32']);
    for (const address of ['192.0.2.1', '2001:db9::1', '::ffff:192.0.2.1']) {
      const answers = [];
      for (const key of [KEY, WRONG]) {
        const answer = await ask({ ...key, 'X-Forwarded-For': address });
        const { error } = JSON.parse(await answer.text());
        answers.push({ code: error.code, message: error.message, status: answer.status });
      }
      expect(answers[0]).toEqual({ ...answers[1], code: 'FORBIDDEN', status: 403 });
      await clock.turn(15 * 60_000);
    }
    for (const address of ['10.1.2.3', '2001:db8::7', '::ffff:10.0.0.1']) {
      expect((await ask({ ...KEY, 'X-Forwarded-For': address })).status).toBe(404);
    }
    expect(edge.audited[0]).toMatchObject({ eventType: 'SECURITY_ADDRESS_REFUSED' });
  });
});
