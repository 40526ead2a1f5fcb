import type { Middleware } from 'koa';
import type { RequestState } from '../request-state.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';

/**
 * Finds out whose request it is. Koa's own `ctx.ips` believes everybody as soon as it believes one
 * proxy, and takes the left-most hop, which is the one that a client can write himself.
 */
export function clientAddress(deps: { proxies: TrustedProxies }): Middleware<RequestState> {
  return function clientAddressMiddleware(ctx, next) {
    ctx.state.clientAddress = deps.proxies.clientOf(ctx.req);
    return next();
  };
}
