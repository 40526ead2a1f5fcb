import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Koa from 'koa';
import { createFindCredential } from '../../src/adapters/http/middleware/credential.ts';
import { NO_PROXIES } from '../../src/adapters/http/trusted-proxies.ts';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { POLICIES } from '../../src/domain/limits/policies.ts';
import type { RateStore } from '../../src/ports/rate-store.ts';
import { TurnedClock } from '../support/clock.ts';

describe('guesses at the key while each instance counts for itself', () => {
  const server = createServer();
  let url: string;

  beforeEach(async () => {
    const memory = createMemoryRateStore({ clock: new TurnedClock(), maxKeysPerPolicy: 10 });
    const store: RateStore = {
      ...memory,
      hit: async (...asked) => ({ ...(await memory.hit(...asked)), degraded: true }),
      read: async (key) => {
        const window = await memory.read(key);
        return window && { ...window, degraded: true };
      },
    };
    const find = createFindCredential({
      isOperator: () => false,
      proxies: NO_PROXIES,
      isAdminAddress: () => true,
      limits: { store, policies: POLICIES, instances: 4 },
    });
    const app = new Koa();
    app.use(async (ctx) => {
      ctx.body = (await find(ctx)).kind;
    });
    const handle = app.callback();
    server.on('request', (req, res) => void handle(req, res)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
  });
  afterEach(async () => {
    server.close();
    await once(server, 'close');
  });

  it('are refused after this instance’s share of them', async () => {
    const kinds: string[] = [];
    for (let guess = 0; guess < 7; guess += 1) {
      const answer = await fetch(url, { headers: { 'x-api-key': 'a guess' } });
      kinds.push(await answer.text());
    }
    expect(kinds).toEqual([...Array.from({ length: 5 }, () => 'wrong'), 'refused', 'refused']);
  });
});
