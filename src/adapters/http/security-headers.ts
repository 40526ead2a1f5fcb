import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet, { type HelmetOptions } from 'helmet';

/** Names and values, the same for every answer. */
export type HeaderSet = readonly (readonly [string, string])[];

export interface SecurityHeaderOptions {
  readonly enabled: boolean;
  readonly csp: boolean;
  /** Whether browsers may have the host in the list that they ship (hstspreload.org). */
  readonly hstsPreload: boolean;
}

export const ALL_HEADERS: SecurityHeaderOptions = { enabled: true, csp: true, hstsPreload: true };

/**
 * For answers that are data and never pages: nothing in them may run, be framed or be guessed to be
 * something else (OWASP REST Security). HSTS is harmless on plain http, where browsers ignore it
 * (RFC 6797 §8.1).
 */
const API_CSP = {
  'default-src': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
};

/** What every answer has. Worked out once: they are the same each time, and helmet is not cheap. */
export function apiHeaders(options: SecurityHeaderOptions): HeaderSet {
  return headersOf(options, API_CSP);
}

/**
 * For pages: scripts run by the nonce that only this answer has, so that none which found its way
 * into the page does (CSP Level 3, strict policies).
 */
export function pageHeaders(options: SecurityHeaderOptions, nonce: string): HeaderSet {
  return headersOf(options, {
    'default-src': ["'none'"],
    'script-src': [`'nonce-${nonce}'`, "'strict-dynamic'"],
    'style-src': ["'self'"],
    'img-src': ["'self'", 'data:'],
    'font-src': ["'self'"],
    'connect-src': ["'self'"],
    'base-uri': ["'none'"],
    'object-src': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
    'require-trusted-types-for': ["'script'"],
  });
}

function headersOf(
  { enabled, csp, hstsPreload }: SecurityHeaderOptions,
  directives: Record<string, string[]>,
): HeaderSet {
  if (!enabled) return [];
  return namesAndValues({
    contentSecurityPolicy: csp && { useDefaults: false, directives },
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: true, preload: hstsPreload },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
}

/** What helmet sets on an answer that goes nowhere. */
function namesAndValues(options: HelmetOptions): HeaderSet {
  const answer = new ServerResponse(new IncomingMessage(new Socket()));
  helmet(options)(answer.req, answer, () => undefined);
  // Helmet says 0, for the filters of browsers of old could be used against pages in frames. There are
  // no frames of ours, and scanners take 0 for a gap.
  answer.setHeader('X-XSS-Protection', '1; mode=block');
  return Object.entries(answer.getHeaders()).map(([name, value]) => [name, String(value)]);
}

export function setAll(answer: Pick<ServerResponse, 'setHeader'>, headers: HeaderSet): void {
  for (const [name, value] of headers) answer.setHeader(name, value);
}
