import { afterEach, describe, expect, it } from '@jest/globals';
import { Router } from '@koa/router';
import { createLimiters } from '../../src/adapters/http/middleware/limiters.ts';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { createTrustedProxies } from '../../src/adapters/http/trusted-proxies.ts';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { UnauthenticatedError } from '../../src/domain/errors.ts';
import { POLICIES } from '../../src/domain/limits/policies.ts';
import { TurnedClock } from '../support/clock.ts';
import { OPERATOR_KEY, startEdge } from './edge.ts';
import { repeat } from './limited-edge.ts';

const MINUTE_MS = 60_000;

/** Routes that come later: each says with its query how it ends. */
describe('limits of single routes', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  let clock: TurnedClock;
  afterEach(() => edge.close());

  async function start() {
    clock = new TurnedClock();
    const store = createMemoryRateStore({ clock, maxKeysPerPolicy: 1000 });
    const rates = { store, policies: POLICIES, instances: 1 };
    const limiters = createLimiters({ limits: rates, clock, noteRefusal: () => undefined });
    const open = new Router<RequestState>();
    const answer = (ctx: { query: Record<string, unknown>; status: number }) => {
      if (ctx.query['fails'] !== undefined) throw new UnauthenticatedError('wrong');
      ctx.status = 204;
    };
    open.use((ctx, next) => {
      // The credential step stands later; these routes are of users.
      const user = ctx.get('X-User');
      ctx.state.credential = user === '' ? { kind: 'none' } : { kind: 'valid', principalId: user };
      return next();
    });
    open.post('/login', limiters.logins, answer);
    open.post('/register', limiters.registrations, answer);
    open.post('/password', limiters.strict, answer);
    open.post('/keys', limiters.apiKeyCreation, answer);
    open.post(
      '/forgot',
      limiters.passwordResets((ctx) => String(ctx.query['account'])),
      answer,
    );
    const proxies = createTrustedProxies({ ranges: ['127.0.0.0/8'], header: 'x-forwarded-for' });
    edge = await startEdge({ open, clock, rates, proxies });
  }

  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(edge.url + path, { method: 'POST', headers });
  const from = (address: string) => ({ 'X-Forwarded-For': address });
  const as = (user: string) => ({ 'X-User': user });

  async function statuses(count: number, path: string, headers: Record<string, string> = {}) {
    const found: number[] = [];
    for (let made = 0; made < count; made += 1) found.push((await ask(path, headers)).status);
    return found;
  }

  it('lets five logins fail, and any number succeed', async () => {
    await start();
    expect(await statuses(30, '/login')).toEqual(repeat(204, 30));
    expect(await statuses(5, '/login?fails')).toEqual(repeat(401, 5));
    const refused = await ask('/login?fails');
    expect(refused.status).toBe(429);
    expect(JSON.parse(await refused.text()).error.code).toBe('AUTH_RATE_LIMIT_EXCEEDED');
    expect(refused.headers.get('retry-after')).toBe('900');
    // A right password is not looked at either, or guessing would go on.
    expect((await ask('/login')).status).toBe(429);
    expect((await ask('/login?fails', from('192.0.2.7'))).status).toBe(401);
    await clock.turn(15 * MINUTE_MS);
    expect((await ask('/login')).status).toBe(204);
  });

  it('gives a login back to its own window only', async () => {
    await start();
    await statuses(4, '/login?fails');
    expect(await statuses(10, '/login')).toEqual(repeat(204, 10));
    expect(await statuses(2, '/login?fails')).toEqual([401, 429]);
  });

  it('counts an IPv6 client by its /64', async () => {
    await start();
    for (let host = 1; host <= 5; host += 1) {
      expect((await ask('/login?fails', from(`2001:db8:0:1::${host}`))).status).toBe(401);
    }
    expect((await ask('/login?fails', from('2001:db8:0:1:ffff::1'))).status).toBe(429);
    expect((await ask('/login?fails', from('2001:db8:0:2::1'))).status).toBe(401);
  });

  it('counts registrations with the logins, and keeps them', async () => {
    await start();
    expect(await statuses(3, '/register')).toEqual(repeat(204, 3));
    expect(await statuses(3, '/login?fails')).toEqual([401, 401, 429]);
  });

  it('allows a principal five changes a minute', async () => {
    await start();
    expect(await statuses(6, '/password', as('a'))).toEqual([...repeat(204, 5), 429]);
    expect(await statuses(1, '/password', as('b'))).toEqual([204]);
    await clock.turn(MINUTE_MS);
    expect(await statuses(1, '/password', as('a'))).toEqual([204]);
  });

  it('allows a user ten new keys an hour', async () => {
    await start();
    expect(await statuses(11, '/keys', as('a'))).toEqual([...repeat(204, 10), 429]);
    await clock.turn(59 * MINUTE_MS);
    expect(await statuses(1, '/keys', as('a'))).toEqual([429]);
    await clock.turn(MINUTE_MS);
    expect(await statuses(1, '/keys', as('a'))).toEqual([204]);
  });

  it('allows three resets by address, and three by account', async () => {
    await start();
    const reset = (account: string, address: string) =>
      statuses(1, `/forgot?account=${account}`, from(address));
    for (const account of ['a', 'b', 'c']) expect(await reset(account, '192.0.2.1')).toEqual([204]);
    expect(await reset('d', '192.0.2.1')).toEqual([429]);
    for (const host of [2, 3, 4]) expect(await reset('e', `192.0.2.${host}`)).toEqual([204]);
    expect(await reset('e', '192.0.2.5')).toEqual([429]);
  });

  it('are exact when all come at once', async () => {
    await start();
    const all = Array.from({ length: 40 }, () => ask('/password', as('a')));
    const found = (await Promise.all(all)).map(({ status }) => status);
    expect(found.filter((status) => status === 204)).toHaveLength(5);
  });

  it('shows of two limits the tighter one', async () => {
    await start();
    const answer = await ask('/password', { ...as('a'), 'X-API-Key': OPERATOR_KEY });
    expect(answer.headers.get('ratelimit')).toBe('"strict";r=4;t=60');
  });
});
