import type { CircuitBreakers } from '../../../ports/circuit-breakers.ts';
import { createRouter, type Routes } from '../router.ts';

/** What the service keeps away from just now, and how its calls have fared lately. */
export function circuitBreakerRoutes(deps: { breakers: Pick<CircuitBreakers, 'list'> }): Routes {
  const router = createRouter();

  router.get('/health/circuit-breakers', function showCircuitBreakers(ctx) {
    const breakers = [...deps.breakers.list()].map(([name, { status, stats }]) => [
      name,
      {
        status,
        stats: {
          fires: stats.fires,
          successes: stats.successes,
          failures: stats.failures,
          rejects: stats.rejects,
          timeouts: stats.timeouts,
        },
      },
    ]);
    ctx.body = { breakers: Object.fromEntries(breakers) };
  });

  return router;
}
