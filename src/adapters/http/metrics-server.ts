import type Koa from 'koa';
import type { Redact } from '../../domain/redact.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { createBareApp } from './app.ts';
import { insideHostCheck } from './middleware/host-check.ts';
import { unmatched } from './middleware/unmatched.ts';
import type { RequestState } from './request-state.ts';
import { createRouter } from './router.ts';
import type { SecurityHeaderOptions } from './security-headers.ts';

/**
 * Metrics for a scraper, on a listener of their own: they tell about the service's inside, and so
 * are kept from the side that is open to the world.
 */
export function createMetricsApp(deps: {
  log: Log;
  metrics: Metrics;
  clock: Clock;
  digest: Digest;
  production: boolean;
  redact: Redact;
  securityHeaders: SecurityHeaderOptions;
  /** Besides those of the inside; see the middleware `insideHostCheck`. */
  allowedHosts: 'any' | readonly string[];
  render: () => Promise<{ contentType: string; text: string }>;
}): Koa<RequestState> {
  const router = createRouter();
  router.get('/metrics', async function showMetrics(ctx) {
    const { contentType, text } = await deps.render();
    ctx.type = contentType;
    ctx.body = text;
  });
  const app = createBareApp(deps);
  app.use(insideHostCheck(deps.allowedHosts));
  app.use(router.routes());
  app.use(unmatched());
  return app;
}
