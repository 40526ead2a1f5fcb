import type { Middleware } from 'koa';
import type { Clock } from '../../../ports/clock.ts';
import type { Log } from '../../../ports/log.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import { type RequestState, routePatternOf } from '../request-state.ts';

/**
 * Logs and counts each answer under the pattern of its route: paths and queries can hold tokens,
 * and there is no end to them.
 */
export function observe(deps: {
  log: Log;
  metrics: Metrics;
  clock: Clock;
}): Middleware<RequestState> {
  return async function observeMiddleware(ctx, next) {
    const startedAt = deps.clock.now();
    await next();
    const ms = Math.max(0, deps.clock.now() - startedAt); // the clock may be set back
    const { method, status } = ctx;
    const route = routePatternOf(ctx);
    const labels = { method, route, status_code: String(status) };
    deps.metrics.count('http_requests_total', labels);
    deps.metrics.observe('http_request_duration_seconds', labels, ms / 1000);
    const fields = { method, route, status, ms, requestId: ctx.state.requestId };
    deps.log[status < 400 ? 'debug' : 'info'](fields, 'request answered');
  };
}
