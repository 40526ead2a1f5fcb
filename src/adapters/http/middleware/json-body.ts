import { bodyParser } from '@koa/bodyparser';
import type { Context, Middleware } from 'koa';
import {
  MalformedBodyError,
  PayloadTooLargeError,
  type ServiceError,
  UnsupportedMediaTypeError,
} from '../../../domain/errors.ts';
import type { RequestState } from '../request-state.ts';

/** Bodies of the API are small: settings and lists of ids. */
const MAX_BODY = '256kb';

/**
 * Reads JSON bodies, and nothing else: a form could be sent by any web page without asking first
 * (CORS "simple requests"), and a compressed body is a bomb that nobody needs here.
 */
export function jsonBody(): Middleware<RequestState> {
  const parse = bodyParser({ enableTypes: ['json'], jsonLimit: MAX_BODY, onError: refuse });

  return function jsonBodyMiddleware(ctx, next) {
    const empty = ctx.request.length === 0;
    if (!empty && ctx.request.is('application/json') === false) {
      throw new UnsupportedMediaTypeError('The body must be application/json');
    }
    if (!['', 'identity'].includes(ctx.get('Content-Encoding').toLowerCase())) {
      throw new UnsupportedMediaTypeError('The body must not be compressed');
    }
    return parse(ctx, next);
  };
}

// The parser's errors carry the body, so they are not passed on as causes.
function refuse(error: Error & { status?: unknown }, _ctx: Context): never {
  const known = asServiceError(error.status);
  throw known ?? error;
}

function asServiceError(status: unknown): ServiceError | undefined {
  switch (status) {
    case 400:
      return new MalformedBodyError('The body is not a JSON object or array');
    case 413:
      return new PayloadTooLargeError('The body is larger than 256 KiB');
    case 415:
      return new UnsupportedMediaTypeError('The body is not UTF-8');
    default:
      return undefined;
  }
}
