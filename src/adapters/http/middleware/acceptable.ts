import type { Middleware } from 'koa';
import { NotAcceptableError } from '../../../domain/errors.ts';
import { type RequestState, routePatternOf } from '../request-state.ts';

/** What a route answers with; all others with JSON. */
const TYPES: Readonly<Record<string, string>> = { '/api/listen': 'text/event-stream' };

/**
 * Ends a request whose answer its client could not read, before anything is done for it. What it takes
 * of errors does not count: whoever asks for something wants it to succeed.
 */
export function acceptable(): Middleware<RequestState> {
  return function acceptableMiddleware(ctx, next) {
    const type = TYPES[routePatternOf(ctx)] ?? 'application/json';
    if (ctx.accepts(type) === false) {
      throw new NotAcceptableError(`Only ${type} can be had here; see Accept`);
    }
    return next();
  };
}
