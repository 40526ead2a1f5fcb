import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Router } from '@koa/router';
import { CspEvaluator } from 'csp_evaluator/dist/evaluator.js';
import { CspParser } from 'csp_evaluator/dist/parser.js';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { forPages } from '../../src/adapters/http/middleware/security-headers.ts';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { ALL_HEADERS } from '../../src/adapters/http/security-headers.ts';
import { startEdge } from './edge.ts';

function findings(policy: string | null): string[] {
  const evaluator = new CspEvaluator(new CspParser(policy ?? '').csp);
  return evaluator.evaluate().map(({ directive, description }) => `${directive}: ${description}`);
}

describe('the content security policy', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  beforeAll(async () => {
    const open = new Router<RequestState>();
    const page = forPages({ digest: createDigest(), securityHeaders: ALL_HEADERS });
    open.get('/page', page, (ctx) => {
      ctx.type = 'text/html';
      ctx.body = `<script nonce="${ctx.state.nonce}"></script>`;
    });
    edge = await startEdge({ open });
  });
  afterAll(() => edge.close());

  it('of the API has no findings', async () => {
    const { headers } = await fetch(`${edge.url}/nothing`);
    expect(findings(headers.get('content-security-policy'))).toEqual([]);
  });

  it('of pages has no findings, and a nonce of its own each time', async () => {
    const [one, other] = [await fetch(`${edge.url}/page`), await fetch(`${edge.url}/page`)];
    const policy = one.headers.get('content-security-policy');
    expect(findings(policy)).toEqual([]);
    expect(policy).not.toBe(other.headers.get('content-security-policy'));
    const nonce = /nonce="([^"]+)"/.exec(await one.text())?.[1];
    expect(policy).toContain(`'nonce-${nonce}'`);
  });

  it('is found wanting by the same judge when it is', () => {
    expect(findings("script-src 'unsafe-inline' *")).not.toEqual([]);
  });

  it.each([
    ['SECURITY_HEADERS_ENABLED', { enabled: false }, 'x-frame-options'],
    ['CSP_ENABLED', { csp: false }, 'content-security-policy'],
  ])('goes with %s', async (_name, options, header) => {
    const bare = await startEdge({ edge: { securityHeaders: { ...ALL_HEADERS, ...options } } });
    const { headers } = await fetch(`${bare.url}/nothing`);
    expect(headers.has(header)).toBe(false);
    await bare.close();
  });

  it('stands beside HSTS, which need not ask for the list', async () => {
    const securityHeaders = { ...ALL_HEADERS, hstsPreload: false };
    const bare = await startEdge({ edge: { securityHeaders } });
    const { headers } = await fetch(`${bare.url}/nothing`);
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
    await bare.close();
  });
});
