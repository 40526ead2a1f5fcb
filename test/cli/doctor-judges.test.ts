import { generateKeyPairSync } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { generate } from 'selfsigned';
import { ALL_HEADERS, apiHeaders } from '../../src/adapters/http/security-headers.ts';
import { judgeHosts } from '../../src/cli/doctor/configuration.ts';
import { idsOf } from '../../src/cli/doctor/certificates.ts';
import { judgeClientAddress, judgeUnseen } from '../../src/cli/doctor/judge-client-address.ts';
import { newToken } from '../../src/cli/doctor/judge-handshake.ts';
import { judgeHeaders } from '../../src/cli/doctor/judge-headers.ts';
import { judgeInFront } from '../../src/cli/doctor/judge-in-front.ts';
import { judgePair, judgeTimes } from '../../src/cli/doctor/judge-pair.ts';
import { judgeSkew } from '../../src/cli/doctor/judge-skew.ts';
import { judgeTrustedProxies } from '../../src/cli/doctor/judge-trusted-proxies.ts';
import { judgeTls } from '../../src/cli/doctor/judge-tls.ts';
import { judgeAddresses } from '../../src/cli/doctor/public-url.ts';
import { judgeDisk, judgeServices } from '../../src/cli/doctor/stores.ts';
import { readValidationToken } from '../../src/domain/notifications/handshake.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-22T08:00:00Z');
const inDays = (days: number) => new Date(NOW + days * DAY_MS);

describe('what doctor makes of what it found', () => {
  it.each([
    [0, 'ok'],
    [-5000, 'ok'],
    [5001, 'warn'],
    [-60_000, 'warn'],
    [60_001, 'fail'],
    [-3_600_000, 'fail'],
  ])('a clock that is %d ms ahead: %s', (skewMs, state) => {
    expect(judgeSkew('clock', skewMs).state).toBe(state);
  });

  it.each([
    [-10, -1, 'fail'],
    [1, 400, 'fail'],
    [-10, 29, 'warn'],
    [-10, 31, 'ok'],
  ])('a pair valid from day %d to day %d: %s', (from, to, state) => {
    const times = { validFromDate: inDays(from), validToDate: inDays(to) };
    expect(judgeTimes('pair', times, NOW).state).toBe(state);
  });

  it.each([
    [13, 'warn'],
    [15, 'ok'],
  ])('a TLS certificate that ends in %d days: %s', (days, state) => {
    expect(judgeTls('TLS', { protocol: 'TLSv1.3', endsAt: inDays(days) }, NOW).state).toBe(state);
  });

  it('takes RSA keys of 2048 bits, and no others', async () => {
    const weak = generateKeyPairSync('rsa', {
      modulusLength: 1024,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const made = [
      await generate([], { keyType: 'ec', algorithm: 'sha256' }),
      await generate([], { keyPair: weak, algorithm: 'sha256' }),
    ];
    const found = made.map(({ cert: certificate, private: key }) =>
      judgePair('pair', { certificate, key }, Date.now()),
    );
    expect(found).toMatchObject([
      { state: 'fail', found: 'its key is ec, not RSA' },
      { state: 'fail', found: 'its key has 1024 bits' },
    ]);
  });

  it('knows pairs by either half', () => {
    expect(idsOf(['b.key.pem', 'a.crt.pem', 'a.key.pem', 'README'])).toEqual(['a', 'b']);
  });

  it('asks with a token that the service echoes, in the spelling of forms', () => {
    const token = newToken();
    const query = `validationToken=${encodeURIComponent(token).replaceAll('%20', '+')}`;
    expect(readValidationToken(query)).toBe(token);
    expect(token).toMatch(/ .*\+.*%.*&.*=.*\/.*✓/);
    expect(newToken()).not.toBe(token);
  });

  it('takes an error of the service for its own, whoever passes it on', () => {
    const headers = { server: 'cloudflare', 'content-type': 'application/json; charset=utf-8' };
    const answer = { status: 403, headers, body: Buffer.alloc(0), ms: 1, skewMs: 0 };
    expect(judgeInFront('front', answer)).toBeUndefined();
    const plain = { ...answer, headers: { server: 'cloudflare', 'content-type': 'text/plain' } };
    expect(judgeInFront('front', plain)).toMatchObject({ state: 'fail' });
    expect(judgeInFront('front', { ...plain, status: 200 })).toBeUndefined();
  });

  const OWN: IncomingHttpHeaders = Object.fromEntries(apiHeaders(ALL_HEADERS));
  const CSP = String(OWN['content-security-policy']);

  it('wants every header, by either way of refusing frames', () => {
    expect(judgeHeaders({ ...OWN, server: 'cloudflare' })).toMatchObject([{ state: 'ok' }]);
    expect(judgeHeaders({ ...OWN, 'x-frame-options': undefined })).toMatchObject([{ state: 'ok' }]);
    expect(judgeHeaders({ ...OWN, 'strict-transport-security': undefined })).toMatchObject([
      { state: 'fail', found: 'missing: Strict-Transport-Security' },
    ]);
    expect(judgeHeaders({})[0]?.found.split(', ')).toHaveLength(7);
    const both = { ...OWN, 'referrer-policy': 'unsafe-url', 'x-content-type-options': undefined };
    expect(judgeHeaders(both)[0]?.found).toBe(
      'missing: X-Content-Type-Options; too weak: Referrer-Policy',
    );
  });

  it.each([
    ['Strict-Transport-Security', 'max-age=1'],
    ['Strict-Transport-Security', 'max-age=15767999'],
    ['Strict-Transport-Security', 'max-age=1, max-age=31536000'],
    ['Strict-Transport-Security', 'includeSubDomains'],
    ['X-Content-Type-Options', 'sniff'],
    ['Content-Security-Policy', "default-src * 'unsafe-inline'"],
    ['Content-Security-Policy', `default-src *; ${CSP}`],
    ['Content-Security-Policy', "default-src 'none'"],
    ['Content-Security-Policy', CSP.replace("'none'", "'none' 'self'")],
    ['Referrer-Policy', 'unsafe-url'],
    ['Referrer-Policy', 'no-referrer, unsafe-url'],
    ['Referrer-Policy', 'origin'],
    ['Referrer-Policy', 'no-referrer-when-downgrade'],
    ['Cross-Origin-Opener-Policy', 'unsafe-none'],
    ['Cross-Origin-Opener-Policy', 'same-origin, same-origin'],
    ['Cross-Origin-Resource-Policy', 'cross-origin'],
  ])('does not take %s: %s', (name, value) => {
    expect(judgeHeaders({ ...OWN, [name.toLowerCase()]: value })).toMatchObject([
      { state: 'fail', found: `too weak: ${name}`, remedy: expect.stringMatching(/on the way/) },
    ]);
  });

  it('does not take frames that may be refused by neither', () => {
    const headers = {
      'x-frame-options': 'DENY, SAMEORIGIN',
      'content-security-policy': "default-src 'none'",
    };
    expect(judgeHeaders({ ...OWN, ...headers })[0]?.found).toBe(
      'too weak: Content-Security-Policy, X-Frame-Options',
    );
  });

  it.each([
    ['strict-transport-security', 'max-age=15768000'],
    ['strict-transport-security', 'includeSubDomains; Max-Age="63072000"'],
    ['x-content-type-options', 'nosniff, nosniff'],
    ['content-security-policy', `upgrade-insecure-requests, ${CSP}; sandbox`],
    ['content-security-policy', CSP.split(';').toReversed().join(' ; ')],
    ['referrer-policy', 'no-referrer, strict-origin-when-cross-origin'],
    ['referrer-policy', 'same-origin'],
    ['x-frame-options', 'deny, DENY'],
  ])('takes what a proxy may make of it: %s: %s', (name, value) => {
    expect(judgeHeaders({ ...OWN, [name]: value })).toMatchObject([{ state: 'ok' }]);
  });

  it.each([
    ['', 'ok'],
    ['127.0.0.1/32', 'ok'],
    ['10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fd12:3456::/32', 'ok'],
    ['173.245.48.0/20,104.16.0.0/13,2400:cb00::/32,2a06:98c0::/29', 'ok'], // of Cloudflare
    ['0.0.0.0/0', 'warn'],
    ['::/0', 'warn'],
    ['127.0.0.1/32,10.0.0.0/7', 'warn'],
    ['fc00::/7', 'warn'],
    ['104.0.0.0/11', 'warn'],
    ['192.0.0.0/8', 'warn'], // public at its end
    ['2400::/16', 'warn'],
  ])('the proxies %j: %s', (ranges, state) => {
    const finding = judgeTrustedProxies(ranges === '' ? [] : ranges.split(','));
    expect(finding.state).toBe(state);
    if (state === 'warn') expect(finding.found).toMatch(/^[^,]+: who comes from there/);
  });

  const VIA = { via: '1.1 proxy' };
  const CLOUDFLARE = { 'cf-ray': '1-FRA' };
  it.each<[string, boolean, IncomingHttpHeaders, string, RegExp]>([
    ['104.16.1.1', true, VIA, 'skipped', /another proxy before the trusted one; ask from another/],
    ['104.16.1.1', true, {}, 'skipped', /another proxy before the trusted one/],
    ['2a00:1450::1', true, {}, 'ok', /as such: this machine came as 2a00:1450::1/],
    [
      '104.16.1.1',
      false,
      {},
      'warn',
      /^If it is the proxy: Set .*104\.16\.1\.1\/32.*If it is this/,
    ],
    ['2a00:1450::1', false, {}, 'warn', /^If it is the proxy: Set .*2a00:1450::1\/128/],
    ['104.16.1.1', false, VIA, 'warn', /TRUSTED_PROXIES=104\.16\.1\.1\/32 .*=x-forwarded-for/],
    ['127.0.0.1', false, {}, 'warn', /TRUSTED_PROXIES=127\.0\.0\.1\/32 .*=x-forwarded-for/],
    ['172.18.0.5', false, CLOUDFLARE, 'warn', /172\.18\.0\.5\/32 .*=cf-connecting-ip/],
    ['fe80::1', false, VIA, 'warn', /TRUSTED_PROXIES=fe80::1\/128/],
    ['10.0.0.9', false, VIA, 'warn', /^Set TRUSTED_PROXIES=10\.0\.0\.9\/32/],
    [
      '10.0.0.9',
      false,
      {},
      'warn',
      /^If it is the proxy: Set .*10\.0\.0\.9\/32.*If it is this mach/,
    ],
    ['fd00::9', false, {}, 'warn', /^If it is the proxy: Set .*If it is this machine, nothing/],
    ['127.0.0.1', true, CLOUDFLARE, 'warn', /^Set CLIENT_ADDRESS_HEADER=cf-connecting-ip/],
    ['10.0.0.5', true, VIA, 'warn', /every proxy on the way in TRUSTED_PROXIES/],
    ['192.168.1.7', true, {}, 'skipped', /ask from another network/],
    ['', false, VIA, 'warn', /TRUSTED_PROXIES/],
  ])(
    'a client that came as %j, trusted: %s, %j: %s %s',
    (ipAddress, trusted, marks, state, says) => {
      const caller = { ownAddresses: ['10.0.0.9', '2A00:1450:0::1'], atCloudflare: undefined };
      const finding = judgeClientAddress({ ipAddress, viaTrustedProxy: trusted }, marks, caller);
      expect(finding.state).toBe(state);
      expect(finding.remedy ?? finding.found).toMatch(says);
    },
  );

  it.each<[string, string | undefined, string, RegExp]>([
    ['203.0.114.7', '203.0.114.7', 'ok', /as such/],
    ['2a00:1450::1', '2A00:1450:0::1', 'ok', /as such/],
    [
      '172.68.10.5',
      '203.0.114.7',
      'warn',
      /^Set CLIENT_ADDRESS_HEADER=cf-connecting-ip.*ask again/,
    ],
    ['172.68.10.5', '2a00:1450::1', 'warn', /^Set CLIENT_ADDRESS_HEADER=cf-connecting-ip/],
    ['172.68.10.5', undefined, 'warn', /^Compare it with .*cdn-cgi\/trace.*=cf-connecting-ip/],
  ])(
    'a client that came as %s through Cloudflare, which says %s: %s',
    (ipAddress, atCloudflare, state, says) => {
      const seen = { ipAddress, viaTrustedProxy: true };
      const caller = { ownAddresses: [], atCloudflare };
      const finding = judgeClientAddress(seen, CLOUDFLARE, caller);
      expect(finding.state).toBe(state);
      expect(finding.found).toContain(`came as ${ipAddress}`);
      expect(finding.remedy ?? finding.found).toMatch(says);
      const untrusted = { ipAddress, viaTrustedProxy: false };
      expect(judgeClientAddress(untrusted, CLOUDFLARE, caller).state).toBe('warn');
    },
  );

  it('says who else may have answered', () => {
    expect(judgeUnseen(1).state).toBe('skipped');
    expect(judgeUnseen(1).found).toMatch(/another service/);
    expect(judgeUnseen(3).found).toMatch(/another of the 3 instances/);
    expect(judgeUnseen(undefined).found).toMatch(/another instance.*or another service/);
  });

  it('judges hosts, addresses, stores and disks', () => {
    expect(judgeHosts('any', ['a']).state).toBe('warn');
    expect(judgeHosts(['a'], ['a']).state).toBe('ok');
    expect(judgeHosts(['a'], ['a', 'b'])).toMatchObject({ remedy: 'Add to ALLOWED_HOSTS: b' });
    expect(judgeHosts(['a'], ['a', 'localhost', '127.0.0.1', '[::1]']).state).toBe('ok');
    expect(judgeAddresses('name', ['10.0.0.1', '::1']).state).toBe('warn');
    expect(judgeAddresses('name', ['104.16.1.1']).state).toBe('ok');
    expect(judgeAddresses('name', ['104.16.1.1', '10.0.0.1'])).toMatchObject({
      state: 'warn',
      found: '104.16.1.1, 10.0.0.1: seen from here 10.0.0.1 is private',
    });
    expect(judgeAddresses('name', ['64:ff9b::6810:101', '104.16.1.1']).state).toBe('ok'); // NAT64
    expect(judgeAddresses('name', ['64:ff9b::10.0.0.1']).state).toBe('warn');
    expect(judgeAddresses('name', ['64:ff9b:1::6810:101']).state).toBe('warn');
    expect(judgeServices(undefined)).toMatchObject([{ state: 'skipped' }]);
    expect(judgeServices({ redis: 'error' })).toMatchObject([
      { check: 'store redis', state: 'fail' },
    ]);
    const config = { minFreeDiskBytes: 256 * 1024 ** 2 };
    const disk = (mib: number, type = 0xef53) =>
      judgeDisk({ type, bavail: mib, bsize: 1024 ** 2 }, config).map(({ state }) => state);
    expect([disk(100), disk(300), disk(600), disk(600, 0x6969)]).toEqual([
      ['fail'],
      ['warn'],
      ['ok'],
      ['ok', 'warn'],
    ]);
  });
});
