import type { IncomingHttpHeaders } from 'node:http';
import { fail, type Finding, ok, warn } from './finding.ts';

const CHECK = 'security headers';

const WANTED: Readonly<Record<string, (headers: IncomingHttpHeaders) => boolean>> = {
  'Strict-Transport-Security': (headers) =>
    /max-age=[1-9]/i.test(headers['strict-transport-security'] ?? ''),
  'X-Content-Type-Options': (headers) => textOf(headers, 'x-content-type-options') === 'nosniff',
  'Content-Security-Policy': (headers) => textOf(headers, 'content-security-policy') !== '',
  'X-Frame-Options': (headers) =>
    textOf(headers, 'x-frame-options') === 'deny' ||
    /frame-ancestors 'none'/.test(textOf(headers, 'content-security-policy')),
  'Referrer-Policy': (headers) => textOf(headers, 'referrer-policy') !== '',
};

/** Judges the headers of an answer that the service gave, as they arrive. */
export function judgeHeaders(headers: IncomingHttpHeaders): readonly Finding[] {
  const missing = Object.entries(WANTED).flatMap(([name, isThere]) =>
    isThere(headers) ? [] : [name],
  );
  const judged =
    missing.length === 0
      ? ok(CHECK, 'all there')
      : fail(
          CHECK,
          `missing: ${missing.join(', ')}`,
          'Set SECURITY_HEADERS_ENABLED=true and CSP_ENABLED=true, and let nothing on the way take headers out',
        );
  return [judged, ...judgeTalk(headers)];
}

/** What tells an attacker which holes to try. */
function judgeTalk(headers: IncomingHttpHeaders): readonly Finding[] {
  const told = [
    ...(headers['x-powered-by'] === undefined ? [] : ['X-Powered-By']),
    ...(/\d/.test(textOf(headers, 'server')) ? ['Server, with a version'] : []),
  ];
  const remedy = 'Let the proxy in front leave them out (nginx: server_tokens off)';
  return told.length === 0 ? [] : [warn(CHECK, `told to everybody: ${told.join(', ')}`, remedy)];
}

function textOf(headers: IncomingHttpHeaders, name: string): string {
  return String(headers[name] ?? '').toLowerCase();
}
