import { Router } from '@koa/router';
import type { RequestState } from './request-state.ts';

export type Routes = Router<RequestState>;

/**
 * A router that takes letter case for what it is (RFC 3986 §6.2.2.1): where a proxy lets only some
 * paths through, no other spelling may lead to the rest.
 */
export function createRouter(prefix = ''): Routes {
  return new Router<RequestState>({ sensitive: true, prefix });
}
