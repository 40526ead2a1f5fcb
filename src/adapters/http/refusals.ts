import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import helmet from 'helmet';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import { presentError, type Problem } from './present-error.ts';
import { API_HEADERS } from './security-headers.ts';

const setSecurityHeaders = helmet(API_HEADERS);

/** Answers a request that does not reach the application, in the same shape as that would. */
export type Refuse = (answer: ServerResponse, problem: Problem) => void;

export const REFUSALS = {
  malformed: { code: 'MALFORMED_REQUEST', message: 'This is not HTTP/1.1', status: 400 },
  noHost: { code: 'MALFORMED_REQUEST', message: 'The Host header is missing', status: 400 },
  method: { code: 'METHOD_NOT_ALLOWED', message: 'This is no proxy', status: 405 },
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
      return REFUSALS.headers;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return REFUSALS.chunks;
    default:
      return REFUSALS.malformed;
  }
}

/** Always ends the connection: what comes next on it cannot be told from the rest of this. */
export function createRefuse(deps: { digest: Digest; clock: Clock }): Refuse {
  return function refuse(answer, problem) {
    if (answer.headersSent) {
      answer.destroy(); // too late to say anything
      return;
    }
    const requestId = String(answer.getHeader('X-Request-Id') ?? deps.digest.randomId());
    const body = JSON.stringify(presentError(problem, { requestId, at: deps.clock.now() }));
    setSecurityHeaders(answer.req, answer, () => undefined);
    answer.writeHead(problem.status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
      Connection: 'close',
    });
    answer.end(body);
  };
}

/** An answer for a connection on which Node has made no request; `undefined` when it is gone. */
export function answerOn(connection: Duplex): ServerResponse | undefined {
  if (!(connection instanceof Socket) || !connection.writable) return undefined;
  const answer = new ServerResponse(new IncomingMessage(connection));
  answer.assignSocket(connection);
  answer.on('finish', () => connection.end());
  return answer;
}
