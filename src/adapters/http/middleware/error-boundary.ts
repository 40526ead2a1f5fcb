import type { Middleware } from 'koa';
import { ServiceError } from '../../../domain/errors.ts';
import { type Redact, redactGuesses } from '../../../domain/redact.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Log } from '../../../ports/log.ts';
import {
  INTERNAL,
  type Problem,
  PROBLEM_TYPE,
  presentError,
  presentProblem,
  toProblem,
} from '../present-error.ts';
import type { RequestState } from '../request-state.ts';

// RFC 9110 §11.6.1: each 401 names how to do better. Not a registered scheme, so no browser asks.
const CHALLENGE = 'ApiKey realm="sallyport", header="X-API-Key"';

/** The only place where a failure becomes a response. */
export function errorBoundary(deps: {
  log: Log;
  clock: Clock;
  production: boolean;
  redact: Redact;
}): Middleware<RequestState> {
  return async function errorBoundaryMiddleware(ctx, next) {
    try {
      await next();
    } catch (error) {
      const { requestId } = ctx.state;
      const problem = error instanceof ServiceError ? toProblem(error) : INTERNAL;
      if (problem.status >= 500) deps.log.error({ err: error, requestId }, 'request failed');
      if (problem.retryAfter !== undefined) ctx.set('Retry-After', String(problem.retryAfter));
      if (problem.status === 401) ctx.set('WWW-Authenticate', CHALLENGE);
      ctx.vary('Accept');
      const asProblem = ctx.accepts('application/json', PROBLEM_TYPE) === PROBLEM_TYPE;
      const present = asProblem ? presentProblem : presentError;
      const shown = deps.production ? problem : withStack(problem, error, deps.redact);
      ctx.status = problem.status;
      ctx.type = asProblem ? PROBLEM_TYPE : 'application/json';
      ctx.body = present(shown, { requestId, at: deps.clock.now() });
    }
  };
}

function withStack(problem: Problem, error: unknown, redact: Redact): Problem {
  return error instanceof Error && error.stack !== undefined
    ? { ...problem, stack: redact(redactGuesses(error.stack)) }
    : problem;
}
