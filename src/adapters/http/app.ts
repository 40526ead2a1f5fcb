import Koa, { type Middleware } from 'koa';
import type { Refusal } from '../../app/audit/refusals.ts';
import type { FindCredential } from '../../app/identity/find-credential.ts';
import type { Limits } from '../../app/limits.ts';
import type { Redact } from '../../domain/redact.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { acceptable } from './middleware/acceptable.ts';
import { clientAddress } from './middleware/client-address.ts';
import { compression } from './middleware/compression.ts';
import { admit, credential, requirePrincipal } from './middleware/credential.ts';
import { cors } from './middleware/cors.ts';
import { deadline } from './middleware/deadline.ts';
import { errorBoundary } from './middleware/error-boundary.ts';
import { type AllowedHosts, hostCheck } from './middleware/host-check.ts';
import { jsonBody } from './middleware/json-body.ts';
import { limit } from './middleware/limit.ts';
import { noStore } from './middleware/no-store.ts';
import { observe } from './middleware/observe.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { requestId } from './middleware/request-id.ts';
import { otherMethods, unmatched } from './middleware/unmatched.ts';
import type { RequestState } from './request-state.ts';
import { ALL_HEADERS, type SecurityHeaderOptions } from './security-headers.ts';
import { NO_PROXIES, type TrustedProxies } from './trusted-proxies.ts';
import { createRouter, type Routes } from './router.ts';

/** What a deployment decides about the edge. */
export interface EdgeOptions {
  readonly securityHeaders: SecurityHeaderOptions;
  /** See the middleware `cors`. */
  readonly corsOrigins: readonly string[];
  /** See the middleware `hostCheck`. */
  readonly allowedHosts: AllowedHosts;
  /** Of a request, but for those of Graph and of health, which have limits of their own. */
  readonly requestTimeoutMs: number;
}

/**
 * The service's HTTP side. Graph's routes come before everything that could keep them from answering;
 * health answers under any name; all others are behind the credential and the limits, whatever they
 * are.
 */
export function createHttpApp(deps: {
  log: Log;
  metrics: Metrics;
  clock: Clock;
  digest: Digest;
  production: boolean;
  redact: Redact;
  edge: EdgeOptions;
  proxies: TrustedProxies;
  findCredential: FindCredential;
  noteRefusal: (refusal: Refusal) => void;
  /** `undefined`: nothing is limited. */
  limits: Limits | undefined;
  webhookRouter: Routes;
  healthRouter: Routes;
  apiRouters: readonly Routes[];
}): Koa<RequestState> {
  const { edge } = deps;
  const app = createBareApp({ ...deps, securityHeaders: edge.securityHeaders });
  const ourHost = hostCheck(edge.allowedHosts);
  app.use(behind([ourHost], [deps.webhookRouter]).routes());
  app.use(cors(edge.corsOrigins));
  app.use(clientAddress(deps));
  app.use(deps.healthRouter.routes());
  app.use(ourHost);
  app.use(otherMethods());
  app.use(deadline({ ...deps, limitMs: edge.requestTimeoutMs }));

  // On a route's way when there is one, so that the log and the metrics can name it, else here.
  const gate = [
    credential(deps),
    ...(deps.limits === undefined ? [] : [limit({ ...deps, limits: deps.limits })]),
    admit(deps),
  ];
  const read = jsonBody({ ...deps, limitMs: edge.requestTimeoutMs });
  const steps = [...gate, requirePrincipal(), acceptable(), compression(), read];
  app.use(behind(steps, deps.apiRouters).routes());
  for (const step of gate) app.use(step);
  app.use(unmatched());
  return app;
}

/** What every answer of every listener has: an id, headers, a line in the log, one shape of errors. */
export function createBareApp(deps: {
  log: Log;
  metrics: Metrics;
  clock: Clock;
  digest: Digest;
  production: boolean;
  redact: Redact;
  proxies?: TrustedProxies;
  securityHeaders?: SecurityHeaderOptions;
}): Koa<RequestState> {
  const { proxies = NO_PROXIES } = deps;
  const app = new Koa<RequestState>();
  // Reached only when an answer could not be written, mostly because the client has gone.
  app.on('error', (err: unknown) => deps.log.debug({ err }, 'answer not written'));
  app.use(requestId({ ...deps, proxies }));
  app.use(securityHeaders(deps.securityHeaders ?? ALL_HEADERS));
  app.use(noStore());
  app.use(observe({ ...deps, proxies }));
  app.use(errorBoundary(deps));
  return app;
}

/** A router runs its middleware only where one of its routes matches: elsewhere it is 404 or 405. */
function behind(steps: readonly Middleware<RequestState>[], routers: readonly Routes[]): Routes {
  const all: Routes = createRouter();
  all.use(...steps);
  for (const router of routers) all.use(router.routes());
  return all;
}
