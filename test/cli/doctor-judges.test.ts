import { generateKeyPairSync } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { generate } from 'selfsigned';
import { judgeHosts } from '../../src/cli/doctor/configuration.ts';
import { idsOf } from '../../src/cli/doctor/certificates.ts';
import { judgeClientAddress, judgeUnseen } from '../../src/cli/doctor/judge-client-address.ts';
import { newToken } from '../../src/cli/doctor/judge-handshake.ts';
import { judgeHeaders } from '../../src/cli/doctor/judge-headers.ts';
import { judgeInFront } from '../../src/cli/doctor/judge-in-front.ts';
import { judgePair, judgeTimes } from '../../src/cli/doctor/judge-pair.ts';
import { judgeSkew } from '../../src/cli/doctor/judge-skew.ts';
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

  it('wants every header, by either way of refusing frames', () => {
    const headers = {
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      server: 'cloudflare',
    };
    expect(judgeHeaders(headers)).toMatchObject([{ state: 'ok' }]);
    expect(judgeHeaders({ ...headers, 'strict-transport-security': 'max-age=0' })).toMatchObject([
      { state: 'fail', found: 'missing: Strict-Transport-Security' },
    ]);
    expect(judgeHeaders({})[0]?.found.split(', ')).toHaveLength(5);
  });

  const VIA = { via: '1.1 proxy' };
  const CLOUDFLARE = { 'cf-ray': '1-FRA' };
  it.each<[string, boolean, IncomingHttpHeaders, string, RegExp]>([
    ['104.16.1.1', true, VIA, 'ok', /as such.* 104\.16\.1\.1/],
    ['104.16.1.1', true, {}, 'ok', /as such/],
    ['104.16.1.1', false, {}, 'ok', /as such/],
    ['104.16.1.1', false, VIA, 'warn', /TRUSTED_PROXIES=104\.16\.1\.1\/32 .*=x-forwarded-for/],
    ['127.0.0.1', false, {}, 'warn', /TRUSTED_PROXIES=127\.0\.0\.1\/32 .*=x-forwarded-for/],
    ['172.18.0.5', false, CLOUDFLARE, 'warn', /172\.18\.0\.5\/32 .*=cf-connecting-ip/],
    ['fe80::1', false, VIA, 'warn', /TRUSTED_PROXIES=fe80::1\/128/],
    ['127.0.0.1', true, CLOUDFLARE, 'warn', /^Set CLIENT_ADDRESS_HEADER=cf-connecting-ip/],
    ['10.0.0.5', true, VIA, 'warn', /every proxy on the way in TRUSTED_PROXIES/],
    ['192.168.1.7', true, {}, 'skipped', /ask from another network/],
    ['', false, VIA, 'warn', /TRUSTED_PROXIES/],
  ])(
    'a client that came as %j, trusted: %s, %j: %s %s',
    (ipAddress, trusted, marks, state, says) => {
      const finding = judgeClientAddress({ ipAddress, viaTrustedProxy: trusted }, marks);
      expect(finding.state).toBe(state);
      expect(finding.remedy ?? finding.found).toMatch(says);
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
