import { expect } from '@jest/globals';

/** What every answer has, to the letter. */
export const EVERY_HEADER: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-xss-protection': '1; mode=block',
  'x-download-options': 'noopen',
  'x-permitted-cross-domain-policies': 'none',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

const REQUEST_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CHALLENGE = 'ApiKey realm="sallyport", header="X-API-Key"';
const PROBLEM = 'application/problem+json';

/** An answer, however it was asked for. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Fails unless the answer has all headers, tells nothing of its software, and is shaped as it says. */
export function expectEveryHeader({ status, headers, body }: Answer): void {
  const shown = Object.keys(EVERY_HEADER).map((name) => [name, headers.get(name)]);
  expect(Object.fromEntries(shown)).toEqual(EVERY_HEADER);
  expect(headers.get('x-request-id')).toMatch(REQUEST_ID);
  expect([headers.get('server'), headers.get('x-powered-by')]).toEqual([null, null]);
  expect(headers.get('www-authenticate')).toBe(status === 401 ? CHALLENGE : null);
  if (status >= 400 && body !== '') expectErrorShape({ status, headers, body });
}

function expectErrorShape({ status, headers, body }: Answer): void {
  const requestId = headers.get('x-request-id');
  const type = headers.get('content-type')?.split(';')[0];
  const shown: unknown = JSON.parse(body);
  if (type === PROBLEM) {
    expect(shown).toMatchObject({ type: 'about:blank', status, requestId });
    return;
  }
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  // The readiness check and the overview of health say with 503 what they found.
  if (typeof shown === 'object' && shown !== null && !('status' in shown)) {
    expect(shown).toMatchObject({ error: { status, requestId } });
    expect(shown).toHaveProperty('error.code', expect.stringMatching(/^[A-Z_]+$/));
    expect(shown).toHaveProperty('error.timestamp', expect.stringMatching(/Z$/));
  }
}
