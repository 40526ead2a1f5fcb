import { Router } from '@koa/router';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { principalOf } from '../../src/adapters/http/request-state.ts';
import { createTrustedProxies } from '../../src/adapters/http/trusted-proxies.ts';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { POLICIES } from '../../src/domain/limits/policies.ts';
import type { RateStore } from '../../src/ports/rate-store.ts';
import { TurnedClock } from '../support/clock.ts';
import { OPERATOR_KEY, startEdge } from './edge.ts';

/** The HTTP edge with its limits, on a clock that is turned, with a route that needs a key. */
export async function startLimitedEdge(
  options: {
    trusted?: readonly string[];
    header?: string;
    instances?: number;
    store?: (store: RateStore) => RateStore;
  } = {},
) {
  const { trusted = [], header = 'x-forwarded-for', instances = 1 } = options;
  const clock = new TurnedClock();
  const memory = createMemoryRateStore({ clock, maxKeysPerPolicy: 1000 });
  const edge = await startEdge({
    api: things(),
    clock,
    rates: { store: options.store?.(memory) ?? memory, policies: POLICIES, instances },
    proxies: createTrustedProxies({ ranges: trusted, header }),
  });

  function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
    return fetch(edge.url + path, { method, headers });
  }

  return {
    ...edge,
    clock,
    ask,
    askAsOperator: (path: string) => ask(path, { 'X-API-Key': OPERATOR_KEY }),

    /** The statuses of so many requests, one after the other. */
    async statuses(count: number, path: string, headers: Record<string, string> = {}) {
      const statuses: number[] = [];
      for (let made = 0; made < count; made += 1) statuses.push((await ask(path, headers)).status);
      return statuses;
    },
  };
}

export type LimitedEdge = Awaited<ReturnType<typeof startLimitedEdge>>;

export function repeat<T>(value: T, times: number): T[] {
  return Array.from({ length: times }, () => value);
}

export function rising(a: number, b: number): number {
  return a - b;
}

function things(): Router<RequestState> {
  const router = new Router<RequestState>({ prefix: '/api/things' });
  router.get('/', (ctx) => {
    ctx.body = principalOf(ctx);
  });
  return router;
}
