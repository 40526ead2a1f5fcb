import { Router } from '@koa/router';
import Koa, { type Context } from 'koa';
import helmet from 'koa-helmet';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { errorBoundary } from './middleware/error-boundary.ts';
import { jsonBody } from './middleware/json-body.ts';
import { noStore } from './middleware/no-store.ts';
import { observe } from './middleware/observe.ts';
import { operatorKey } from './middleware/operator-key.ts';
import { requestId } from './middleware/request-id.ts';
import { unmatched } from './middleware/unmatched.ts';
import type { RequestState } from './request-state.ts';
import { API_HEADERS } from './security-headers.ts';

type Routes = Router<RequestState>;

/**
 * The service's HTTP side. Graph's routes and those of health come before everything that could
 * keep them from answering; all others are behind the credential, whatever they are.
 */
export function createHttpApp(deps: {
  log: Log;
  metrics: Metrics;
  clock: Clock;
  digest: Digest;
  production: boolean;
  isOperator: (ctx: Context) => boolean;
  webhookRouter: Routes;
  healthRouter: Routes;
  apiRouters: readonly Routes[];
}): Koa<RequestState> {
  const app = createBareApp(deps);
  app.use(deps.webhookRouter.routes());
  app.use(deps.healthRouter.routes());
  app.use(behindCredential(deps).routes());
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
}): Koa<RequestState> {
  const app = new Koa<RequestState>();
  // Reached only when an answer could not be written, mostly because the client has gone.
  app.on('error', (err: unknown) => deps.log.debug({ err }, 'answer not written'));
  app.use(requestId(deps));
  app.use(helmet(API_HEADERS));
  app.use(noStore());
  app.use(observe(deps));
  app.use(errorBoundary(deps));
  return app;
}

/** A router runs its middleware only where one of its routes matches: elsewhere it is 404 or 405. */
function behindCredential(deps: {
  isOperator: (ctx: Context) => boolean;
  apiRouters: readonly Routes[];
}): Routes {
  const api: Routes = new Router<RequestState>();
  api.use(operatorKey(deps), jsonBody());
  for (const router of deps.apiRouters) api.use(router.routes());
  return api;
}
