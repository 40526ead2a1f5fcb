import type { IncomingHttpHeaders } from 'node:http';
import { ALL_HEADERS, apiHeaders } from '../../adapters/http/security-headers.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

const CHECK = 'security headers';
// What MDN Observatory wants at least. A proxy may set its own.
const MIN_HSTS_SECONDS = 15_768_000;
const OWN = new Map(apiHeaders(ALL_HEADERS).map(([name, value]) => [name, value.toLowerCase()]));

/** Whether what came is strict enough; behind a comma stands what a proxy has added. */
const WANTED: Readonly<Record<string, (given: string, headers: IncomingHttpHeaders) => boolean>> = {
  // Only the first one counts (RFC 6797 §8.1).
  'Strict-Transport-Security': (given) =>
    Number(/^[^,]*?\bmax-age\s*=\s*"?(\d+)/.exec(given)?.[1] ?? 0) >= MIN_HSTS_SECONDS,
  'X-Content-Type-Options': (given) => listOf(given)[0] === own('x-content-type-options'),
  'Content-Security-Policy': (given) => listOf(given).some(forbidsAllThatOursDoes),
  'X-Frame-Options': (given, headers) =>
    listOf(given).every((one) => one === own('x-frame-options')) || refusesFrames(headers),
  // Of several that are known the last one counts (Referrer Policy §8.1).
  'Referrer-Policy': (given) =>
    /(?:^|,)\s*(?:no-referrer|(?:strict|same)-origin|strict-origin-when-cross-origin)$/.test(given),
  // As structured fields: a list of two is none.
  'Cross-Origin-Opener-Policy': (given) => given === own('cross-origin-opener-policy'),
  'Cross-Origin-Resource-Policy': (given) => given === own('cross-origin-resource-policy'),
};

/** Judges the headers of an answer that the service gave, as they arrive. */
export function judgeHeaders(headers: IncomingHttpHeaders): readonly Finding[] {
  const missing: string[] = [];
  const weak: string[] = [];
  for (const [name, isStrict] of Object.entries(WANTED)) {
    const given = textOf(headers, name);
    if (isStrict(given, headers)) continue;
    (given === '' ? missing : weak).push(name);
  }
  const found = [
    ...(missing.length === 0 ? [] : [`missing: ${missing.join(', ')}`]),
    ...(weak.length === 0 ? [] : [`too weak: ${weak.join(', ')}`]),
  ];
  const remedy =
    'Set SECURITY_HEADERS_ENABLED=true and CSP_ENABLED=true, and let nothing on the way take headers out or put its own in their place';
  const judged =
    found.length === 0
      ? ok(CHECK, 'all there, and strict enough')
      : fail(CHECK, found.join('; '), remedy);
  return [judged, ...judgeTalk(headers)];
}

/** Of several policies each holds (CSP Level 3 §8.1), and of a directive the first. */
function forbidsAllThatOursDoes(policy: string): boolean {
  const given = directivesOf(policy);
  return [...directivesOf(own('content-security-policy'))].every(
    ([name, value]) => given.get(name) === value,
  );
}

function refusesFrames(headers: IncomingHttpHeaders): boolean {
  const policies = listOf(textOf(headers, 'content-security-policy'));
  return policies.some((policy) => directivesOf(policy).get('frame-ancestors') === "'none'");
}

function directivesOf(policy: string): ReadonlyMap<string, string> {
  const directives = policy.split(';').map((directive) => {
    const [name = '', ...values] = directive.trim().split(/\s+/);
    return [name, values.join(' ')] as const;
  });
  return new Map(directives.toReversed()); // the last that is put in stays
}

function own(name: string): string {
  return OWN.get(name) ?? '';
}

function listOf(text: string): readonly string[] {
  return text.split(',').map((one) => one.trim());
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
  return String(headers[name.toLowerCase()] ?? '').toLowerCase();
}
