import { LOOPBACK_HOSTS } from './domain/host.ts';
import type { ReadEnvironment } from './environment.ts';

/** What stands between the world and the routes. */
export interface EdgeConfig {
  readonly securityHeaders: {
    readonly enabled: boolean;
    readonly csp: boolean;
    readonly hstsPreload: boolean;
  };
  /** Origins whose pages may call the API (CORS), exactly. */
  readonly corsOrigins: readonly string[];
  /** Names under which the API is served, in lower case and without ports; `any` checks none. */
  readonly allowedHosts: 'any' | readonly string[];
  /** Address ranges that may act as administrators; empty: all. */
  readonly adminAllowedIps: readonly string[];
}

const DEVELOPMENT_ORIGINS = ['http://localhost:5173', 'http://localhost:3000'];

/** Reads whom the service answers, and how browsers are told. */
export function toEdge(data: ReadEnvironment): EdgeConfig {
  const production = data.NODE_ENV === 'production';
  const pages = [data.APP_URL, data.CLIENT_URL].flatMap((url) => URL.parse(url ?? '') ?? []);
  const origins = pages.map(({ origin }) => origin);
  const webhook = URL.parse(data.GRAPH_WEBHOOK_URL ?? '');
  const named = [
    ...data.ALLOWED_HOSTS,
    ...[...pages, ...(webhook === null ? [] : [webhook])].map(({ hostname }) => hostname),
  ];
  // With nothing named the list would be empty, which nobody can mean.
  // No page of somebody else's can have these names resolve to us (DNS rebinding).
  const loopback = production && named.length > 0 ? [] : LOOPBACK_HOSTS;
  return {
    securityHeaders: {
      enabled: data.SECURITY_HEADERS_ENABLED,
      csp: data.CSP_ENABLED,
      hstsPreload: data.HSTS_PRELOAD,
    },
    corsOrigins: [...new Set([...origins, ...(production ? [] : DEVELOPMENT_ORIGINS)])],
    allowedHosts: data.ALLOWED_HOSTS[0] === '*' ? 'any' : [...new Set([...named, ...loopback])],
    adminAllowedIps: data.ADMIN_ALLOWED_IPS,
  };
}
