import type { Middleware } from 'koa';
import { NotAcceptableError } from '../../../domain/errors.ts';

/** What the API answers with; the last one is that of `/api/listen`. */
const TYPES = ['application/json', 'application/problem+json', 'text/event-stream'];

/** Ends a request whose answer its client could not read, before anything is done for it. */
export function acceptable(): Middleware {
  return function acceptableMiddleware(ctx, next) {
    if (ctx.accepts(TYPES) === false) {
      throw new NotAcceptableError('Only application/json can be had here; see Accept');
    }
    return next();
  };
}
