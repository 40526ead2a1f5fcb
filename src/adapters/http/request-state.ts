import type { Context } from 'koa';
import type { ShownKey } from '../../app/identity/find-credential.ts';
import { UnauthenticatedError } from '../../domain/errors.ts';
import type { Credential } from '../../domain/identity/credential.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Quota } from '../../domain/limits/quota.ts';
import { networkOf } from './trusted-proxies.ts';

/** What the middleware leaves in `ctx.state` for those after it. */
export interface RequestState {
  requestId: string;
  /** Where the client is, as far as trusted proxies tell; empty when its connection has gone. */
  clientAddress: string;
  credential: Credential;
  /** Aborted when the request is given up. */
  signal: AbortSignal;
  /** What the request was counted against, once it was. */
  quota?: Quota;
  /** Of the answer's scripts, where it is a page. */
  nonce?: string;
  /** Set once a credential was found good. */
  principal?: Principal;
}

/** Who asks; a route that was mounted without the credential step answers nobody. */
export function principalOf(ctx: { state: RequestState }): Principal {
  if (ctx.state.principal === undefined) {
    throw new UnauthenticatedError('This needs a valid X-API-Key header');
  }
  return ctx.state.principal;
}

/** The key that a request shows. */
export function shownKeyOf(ctx: Context & { state: RequestState }): ShownKey {
  const { clientAddress: address } = ctx.state;
  return { key: ctx.get('X-API-Key'), address, network: networkOf(address) };
}

/** The `:id` of the route; nothing has the empty one. */
export function idOf(ctx: { params: Readonly<Record<string, string>> }): string {
  return ctx.params['id'] ?? '';
}

const MAX_USER_AGENT = 256;

/** Where a request comes from and goes to, for the log and the audit. */
export function whereabouts(ctx: Context & { state: RequestState }) {
  const { clientAddress: ipAddress, requestId } = ctx.state;
  const network = networkOf(ipAddress);
  return { ipAddress, network, path: routePatternOf(ctx), userAgent: userAgentOf(ctx), requestId };
}

export function userAgentOf(ctx: Context): string {
  return ctx.get('User-Agent').slice(0, MAX_USER_AGENT);
}

/** Methods of the routes at this path, whichever router has them. */
export function methodsAtPath(ctx: Context): readonly string[] {
  return [...new Set(layersOf(ctx).flatMap(({ methods }) => methods))];
}

/** The pattern of the route, a label of bounded variety; `unmatched` when there is none. */
export function routePatternOf(ctx: Context): string {
  const routes = layersOf(ctx).filter(({ methods }) => methods.length > 0);
  const route = routes.find(({ methods }) => methods.includes(ctx.method)) ?? routes[0];
  return route === undefined ? 'unmatched' : String(route.path);
}

/** The router's matches at this path; those without methods are middleware. */
function layersOf(ctx: Context): readonly { methods: string[]; path: string | RegExp }[] {
  return ctx['matched'] ?? [];
}
