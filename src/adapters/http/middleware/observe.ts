import type { Middleware } from 'koa';
import type { Clock } from '../../../ports/clock.ts';
import type { Log } from '../../../ports/log.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import { type RequestState, routePatternOf } from '../request-state.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';

/**
 * Logs and counts each answer under the pattern of its route: paths and queries can hold tokens,
 * and there is no end to them.
 */
export function observe(deps: {
  log: Log;
  metrics: Metrics;
  clock: Clock;
  proxies: TrustedProxies;
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
    const { requestId, principal } = ctx.state;
    const fields = { method, route, status, ms, requestId };
    if (status < 400) return deps.log.debug(fields, 'request answered');
    const from = { ipAddress: deps.proxies.clientOf(ctx.req), principal: principal?.id };
    deps.log.info({ ...fields, ...from }, 'request answered');
  };
}
