import { Router } from '@koa/router';
import Koa, { type Middleware } from 'koa';
import helmet from 'koa-helmet';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { clientAddress } from './middleware/client-address.ts';
import {
  admit,
  credential,
  type FindCredential,
  requirePrincipal,
} from './middleware/credential.ts';
import { errorBoundary } from './middleware/error-boundary.ts';
import { jsonBody } from './middleware/json-body.ts';
import { limit, type Limits } from './middleware/limit.ts';
import { noStore } from './middleware/no-store.ts';
import { observe } from './middleware/observe.ts';
import { requestId } from './middleware/request-id.ts';
import { otherMethods, unmatched } from './middleware/unmatched.ts';
import type { RequestState } from './request-state.ts';
import { API_HEADERS } from './security-headers.ts';
import { NO_PROXIES, type TrustedProxies } from './trusted-proxies.ts';

type Routes = Router<RequestState>;

/**
 * The service's HTTP side. Graph's routes and those of health come before everything that could
 * keep them from answering; all others are behind the credential and the limits, whatever they are.
 */
export function createHttpApp(deps: {
  log: Log;
  metrics: Metrics;
  clock: Clock;
  digest: Digest;
  production: boolean;
  proxies: TrustedProxies;
  findCredential: FindCredential;
  /** `undefined`: nothing is limited. */
  limits: Limits | undefined;
  webhookRouter: Routes;
  healthRouter: Routes;
  apiRouters: readonly Routes[];
}): Koa<RequestState> {
  const app = createBareApp(deps);
  app.use(deps.webhookRouter.routes());
  app.use(clientAddress(deps));
  app.use(deps.healthRouter.routes());
  app.use(otherMethods());

  // On a route's way when there is one, so that the log and the metrics can name it, else here.
  const gate = [
    credential(deps),
    ...(deps.limits === undefined ? [] : [limit({ ...deps, limits: deps.limits })]),
    admit(deps),
  ];
  app.use(behind(gate, deps.apiRouters).routes());
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
  proxies?: TrustedProxies;
}): Koa<RequestState> {
  const { proxies = NO_PROXIES } = deps;
  const app = new Koa<RequestState>();
  // Reached only when an answer could not be written, mostly because the client has gone.
  app.on('error', (err: unknown) => deps.log.debug({ err }, 'answer not written'));
  app.use(requestId({ ...deps, proxies }));
  app.use(helmet(API_HEADERS));
  app.use(noStore());
  app.use(observe(deps));
  app.use(errorBoundary(deps));
  return app;
}

/** A router runs its middleware only where one of its routes matches: elsewhere it is 404 or 405. */
function behind(gate: readonly Middleware<RequestState>[], routers: readonly Routes[]): Routes {
  const api: Routes = new Router<RequestState>();
  api.use(...gate, requirePrincipal(), jsonBody());
  for (const router of routers) api.use(router.routes());
  return api;
}
