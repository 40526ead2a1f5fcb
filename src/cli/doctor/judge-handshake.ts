import { randomUUID } from 'node:crypto';
import { fail, type Finding, ok, warn } from './finding.ts';
import { judgeInFront } from './judge-in-front.ts';
import type { PublicAnswer } from './public-connection.ts';

const SLOW_MS = 1000;
/** Graph gives the handshake 10 s, and counts notifications as slow after 3. */
const TOO_SLOW_MS = 3000;

/**
 * A token that breaks echoes which do not decode, decode twice, or escape. No markup and no quotes:
 * the service refuses the former, and a firewall might mistake the latter for an attack.
 */
export function newToken(): string {
  return `Validation: ${randomUUID()} a+b 100%25 c&d=e/f ✓ 日本 é`;
}

export function judgeHandshake(check: string, answer: PublicAnswer, token: string): Finding {
  const inFront = judgeInFront(check, answer);
  if (inFront !== undefined) return inFront;
  const { status, headers, body, ms } = answer;
  if (status !== 200) return fail(check, `answered with ${status}`, remedyFor(status));
  const type = headers['content-type'] ?? 'nothing';
  if (!/^text\/plain\s*(?:;|$)/i.test(type)) {
    const remedy = 'Graph wants text/plain: let nothing on the way change the type';
    return fail(check, `answered with ${type}`, remedy);
  }
  if (!body.equals(Buffer.from(token))) {
    const remedy =
      'Graph wants the decoded token and nothing else: find out what on the way rewrites it (a Worker, a transform rule, another proxy), and ask the service itself with curl, too';
    return fail(check, describeEcho(body.toString(), token), remedy);
  }
  return judgeTime(check, ms);
}

function judgeTime(check: string, ms: number): Finding {
  const found = `echoed unchanged in ${ms} ms`;
  const remedy =
    'Graph drops what is slow (over 3 s): compare with curl at --url; is the machine busy, the tunnel far away?';
  if (ms > TOO_SLOW_MS) return fail(check, found, remedy);
  return ms > SLOW_MS ? warn(check, found, remedy) : ok(check, found);
}

function remedyFor(status: number): string {
  if (status === 404 || status === 405) {
    return 'Does the URL end in /webhooks/graph, and do the ingress rules of the tunnel pass both paths on?';
  }
  if (status >= 500) return 'The log of the service, or of what stands in front of it, says why';
  return 'Is the name in ALLOWED_HOSTS, and does the URL lead to this service?';
}

function describeEcho(echo: string, token: string): string {
  if (echo === token.replaceAll('&', '&amp;')) return 'the token came back escaped as HTML';
  if (echo.includes(token)) return 'the token came back with more around it';
  if (/%[\dA-F]{2}/i.test(echo) && echo.includes('Validation')) {
    return 'the token came back not decoded';
  }
  return `${echo.length} characters came back that are not the token`;
}
