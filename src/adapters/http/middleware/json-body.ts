import type { Context, Middleware } from 'koa';
import { MalformedBodyError, UnsupportedMediaTypeError } from '../../../domain/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { decodeText, readBody, requireUncompressed } from '../read-body.ts';
import { repeatsName } from '../repeats-name.ts';
import type { RequestState } from '../request-state.ts';

/** Bodies of the API are small: settings and lists of ids. */
const MAX_BYTES = 256 * 1024;

/** JSON has one encoding (RFC 8259 §8.1); the first stands for none being named. */
const CHARSETS = new Set(['', 'utf-8', 'utf8']);

declare module 'koa' {
  interface Request {
    /** As `jsonBody` has read it; an empty object where there was none. */
    body?: unknown;
  }
}

/**
 * Reads JSON bodies, and nothing else: a form could be sent by any web page without asking first
 * (CORS "simple requests"), and a compressed body is a bomb that nobody needs here. What two readers
 * could take for two different things is refused, as it is in what Graph sends.
 */
export function jsonBody(deps: { clock: Clock; limitMs: number }): Middleware<RequestState> {
  const { clock, limitMs } = deps;

  return async function jsonBodyMiddleware(ctx, next) {
    ctx.request.body = {};
    if (hasBody(ctx)) {
      requirePlainJson(ctx);
      const bounds = { maxBytes: MAX_BYTES, deadline: clock.now() + limitMs, clock };
      const body = await readBody(ctx.req, { ...bounds, count: () => undefined });
      if (body.length > 0) ctx.request.body = parseStrictly(decodeText(body));
    }
    await next();
  };
}

function hasBody({ request }: Context): boolean {
  return request.length !== 0 && request.is('application/json') !== null;
}

function requirePlainJson(ctx: Context): void {
  if (ctx.request.is('application/json') === false) {
    throw new UnsupportedMediaTypeError('The body must be application/json');
  }
  if (!CHARSETS.has(ctx.request.charset.toLowerCase())) {
    throw new UnsupportedMediaTypeError('The body must be UTF-8');
  }
  requireUncompressed(ctx.req);
}

function parseStrictly(text: string): object {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) {
    throw new MalformedBodyError('The body is not a JSON object or array');
  }
  if (repeatsName(text)) throw new MalformedBodyError('The body names a field twice');
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's error quotes the body, so it is not passed on as the cause.
    throw new MalformedBodyError('The body is not a JSON object or array');
  }
}
