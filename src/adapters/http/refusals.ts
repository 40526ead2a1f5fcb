import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { presentError, presentProblem, type Problem, PROBLEM_TYPE } from './present-error.ts';
import { apiHeaders, type SecurityHeaderOptions, setAll } from './security-headers.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** What is done about a request that does not reach the application. */
export interface Refusals {
  /** Answers it, in the same shape as the application would. */
  refuse(answer: ServerResponse, problem: Problem): void;
  /** Counts and logs what is not answered, because `answer` belongs to the request before it. */
  note(answer: ServerResponse, problem: Problem): void;
}

export const REFUSALS = {
  malformed: { code: 'MALFORMED_REQUEST', message: 'This is not HTTP/1.1', status: 400 },
  host: {
    code: 'MALFORMED_REQUEST',
    message: 'There must be one Host header, and it must agree with the target',
    status: 400,
  },
  method: { code: 'METHOD_NOT_ALLOWED', message: 'This method is not served', status: 405 },
  target: { code: 'URI_TOO_LONG', message: 'The request target is too long', status: 414 },
  slow: { code: 'BODY_TIMEOUT', message: 'The request did not arrive in time', status: 408 },
  chunks: { code: 'PAYLOAD_TOO_LARGE', message: 'The chunk extensions are too large', status: 413 },
  expectation: {
    code: 'EXPECTATION_FAILED',
    message: 'Only 100-continue can be expected',
    status: 417,
  },
  headers: { code: 'HEADERS_TOO_LARGE', message: 'The headers are too large', status: 431 },
} satisfies Record<string, Problem>;

/** Why Node's parser gave up. */
export function refusalOf(error: Error): Problem {
  switch ('code' in error ? error.code : undefined) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return REFUSALS.slow;
    case 'HPE_HEADER_OVERFLOW':
      return isTargetTooLong(error) ? REFUSALS.target : REFUSALS.headers;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return REFUSALS.chunks;
    default:
      return REFUSALS.malformed;
  }
}

// RFC 9110 §4.1 asks for 8,000 at least; Graph's token may have 8 KiB, and gets an answer of its own.
const MAX_TARGET = 12_288;
/** What any path may take (RFC 9110 §10.2.1). */
const ALLOWED = 'GET, HEAD, POST, PATCH, DELETE, OPTIONS';
const VERSIONS = new Set(['1.0', '1.1']);
const FORWARDED = new Set(['TRACE', 'TRACK', 'CONNECT']);

/**
 * What is wrong with a request that Node's parser let through: whatever two readers of it could take
 * for two different things is refused before anybody acts on it (RFC 9112 §3.2, §11.2).
 */
export function ambiguityOf(req: IncomingMessage): Problem | undefined {
  const { method = '', url = '', headers, rawHeaders } = req;
  if (!VERSIONS.has(req.httpVersion)) return REFUSALS.malformed;
  if (FORWARDED.has(method)) return REFUSALS.method;
  if (url.length > MAX_TARGET) return REFUSALS.target;
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length > 1 || (req.httpVersion === '1.1' && !headers.host)) return REFUSALS.host;
  if (hasUnclearEnd(req) || url.includes('#')) return REFUSALS.malformed;
  // `*` is for OPTIONS alone; everything else begins with a slash or is a whole URL.
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return undefined;
  return isForHost(url, headers.host) ? undefined : REFUSALS.host;
}

/**
 * Other codings than `chunked` alone are not taken off here, and HTTP/1.0 has none: who forwards such
 * a request may see its end elsewhere (RFC 9112 §6.1).
 */
function hasUnclearEnd({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return false;
  return httpVersion !== '1.1' || coding.toLowerCase() !== 'chunked';
}

function isForHost(target: string, host: string | undefined): boolean {
  const url = URL.parse(target);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '')
    return false;
  return URL.parse(`${url.protocol}//${host ?? ''}`)?.host === url.host;
}

/** Whether the first line alone is too long, as far as the last piece that came shows. */
function isTargetTooLong(error: Error): boolean {
  if (!('rawPacket' in error) || !(error.rawPacket instanceof Buffer)) return false;
  const end = error.rawPacket.indexOf('\n');
  return (
    /^[A-Z]+ /.test(error.rawPacket.toString('latin1', 0, 16)) && !(end >= 0 && end < MAX_TARGET)
  );
}

/** What is not believed of such a request, in metrics of bounded variety. */
const UNREAD = { method: 'unread', route: 'unread' };

/** Always ends the connection: what comes next on it cannot be told from the rest of this. */
export function createRefusals(deps: {
  digest: Digest;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  proxies: TrustedProxies;
  securityHeaders: SecurityHeaderOptions;
}): Refusals {
  const headers = apiHeaders(deps.securityHeaders);

  return { refuse, note: (answer, problem) => note(answer, problem, idOf(answer)) };

  function refuse(answer: ServerResponse, problem: Problem): void {
    if (answer.headersSent) {
      answer.destroy(); // too late to say anything
      return;
    }
    const requestId = idOf(answer);
    // Without weighing: who names the type can read it.
    const asProblem = answer.req.headers.accept?.includes(PROBLEM_TYPE) === true;
    const present = asProblem ? presentProblem : presentError;
    const body = JSON.stringify(present(problem, { requestId, at: deps.clock.now() }));
    setAll(answer, headers);
    answer.writeHead(problem.status, {
      'Content-Type': asProblem ? PROBLEM_TYPE : 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
      Vary: 'Accept',
      ...(problem === REFUSALS.method ? { Allow: ALLOWED } : {}),
      Connection: 'close',
    });
    answer.end(body);
    note(answer, problem, requestId);
  }

  function idOf(answer: ServerResponse): string {
    return String(answer.getHeader('X-Request-Id') ?? deps.digest.randomId());
  }

  function note({ req }: ServerResponse, { status, code }: Problem, requestId: string): void {
    deps.metrics.count('http_requests_total', { ...UNREAD, status_code: String(status) });
    const ipAddress = deps.proxies.clientOf(req);
    deps.log.info({ ...UNREAD, status, code, requestId, ipAddress }, 'request refused');
  }
}

/**
 * An answer for a connection on which Node has made no request; `undefined` when it is gone, or still
 * has the answer to another.
 */
export function answerOn(connection: Duplex): ServerResponse | undefined {
  if (!(connection instanceof Socket) || !connection.writable) return undefined;
  const answer = new ServerResponse(new IncomingMessage(connection));
  try {
    answer.assignSocket(connection);
  } catch {
    return undefined; // nobody's bytes are worth the process
  }
  answer.on('finish', () => connection.end());
  return answer;
}
