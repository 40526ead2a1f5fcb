import { afterEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  createTrustedProxies,
  NO_PROXIES,
  networkOf,
} from '../../src/adapters/http/trusted-proxies.ts';
import { OPERATOR_KEY } from './edge.ts';
import { type LimitedEdge, startLimitedEdge } from './limited-edge.ts';

const RANGES = ['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8'];

function arrival(remoteAddress: string | undefined, headers: Record<string, string> = {}) {
  return { socket: { remoteAddress }, headers };
}

describe('client address', () => {
  const proxies = createTrustedProxies({ ranges: RANGES, header: 'x-forwarded-for' });
  const clientOf = (peer: string, forwardedFor: string) =>
    proxies.clientOf(arrival(peer, { 'x-forwarded-for': forwardedFor }));

  it.each([
    ['one hop', '10.1.1.1', '192.0.2.7', '192.0.2.7'],
    ['IPv6', '10.1.1.1', '2001:DB8:0:0::7', '2001:db8::7'],
    ['IPv4 in IPv6', '10.1.1.1', '::ffff:192.0.2.7', '192.0.2.7'],
    ['a proxy seen as IPv4 in IPv6', '::ffff:10.1.1.1', '192.0.2.7', '192.0.2.7'],
    ['a proxy on IPv6', 'fd12::1', '192.0.2.7', '192.0.2.7'],
    ['hops of trusted proxies', '10.1.1.1', '192.0.2.7, 10.2.2.2,fd00::2', '192.0.2.7'],
    ['what the client claims', '10.1.1.1', '198.51.100.1, 192.0.2.7', '192.0.2.7'],
    ['a claim to be a proxy', '10.1.1.1', '10.9.9.9, 192.0.2.7', '192.0.2.7'],
    ['nonsense left of the client', '10.1.1.1', '<script>, 192.0.2.7', '192.0.2.7'],
    ['trusted hops only', '10.1.1.1', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
    ['a port', '10.1.1.1', '192.0.2.7:50123', '192.0.2.7'],
    ['a port at IPv6', '10.1.1.1', '[2001:db8::7]:50123', '2001:db8::7'],
    ['brackets', '10.1.1.1', '[2001:db8::7]', '2001:db8::7'],
  ])('is found behind proxies: %s', (_what, peer, forwardedFor, client) => {
    expect(clientOf(peer, forwardedFor)).toBe(client);
  });

  it.each([
    '',
    ' ',
    ',',
    'unknown',
    '192.0.2.7,',
    '192.0.2',
    '0x7f.1',
    '192.0.2.999',
    '192.0.2.7 10.1.1.2',
    '192.0.2.7:port',
    '[192.0.2.7',
    '2001:db8::7:50123:1:2:3:4:5',
    'localhost',
    `${'1'.repeat(10_000)}.1.1.1`,
  ])('is that of the proxy where it says %j', (forwardedFor) => {
    expect(clientOf('10.1.1.1', forwardedFor)).toBe('10.1.1.1');
  });

  it('is that of the connection when its other end is not trusted', () => {
    const headers = { 'x-forwarded-for': '192.0.2.7', 'cf-connecting-ip': '192.0.2.7' };
    expect(proxies.clientOf(arrival('203.0.113.1', headers))).toBe('203.0.113.1');
    expect(proxies.clientOf(arrival('::ffff:203.0.113.1', headers))).toBe('203.0.113.1');
    expect(NO_PROXIES.clientOf(arrival('127.0.0.1', headers))).toBe('127.0.0.1');
    expect(proxies.clientOf(arrival('10.1.1.1'))).toBe('10.1.1.1');
    expect(proxies.clientOf(arrival(undefined, headers))).toBe('');
  });

  it('is read from one header only, which holds one address unless it is X-Forwarded-For', () => {
    const cloudflare = createTrustedProxies({ ranges: RANGES, header: 'cf-connecting-ip' });
    const ask = (value: string) =>
      cloudflare.clientOf(
        arrival('127.0.0.1', { 'cf-connecting-ip': value, 'x-forwarded-for': '198.51.100.9' }),
      );
    expect(ask('192.0.2.7')).toBe('192.0.2.7');
    expect(ask('2001:db8::7')).toBe('2001:db8::7');
    expect(ask('198.51.100.1, 192.0.2.7')).toBe('127.0.0.1');
    expect(ask('')).toBe('127.0.0.1');
  });

  it('does not depend on anything that stands left of what the proxy added', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.ipV4(), (claim, client) => {
        fc.pre(!/^(?:10\.|127\.0\.0\.1$)/.test(client));
        expect(clientOf('10.1.1.1', `${claim},${client}`)).toBe(client);
      }),
      { numRuns: 500 },
    );
  });

  it('is always an address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.ipV4Extended()), (text) => {
        expect(networkOf(clientOf('10.1.1.1', text))).toMatch(/^[\d.]+$|^[\da-f:]+::\/64$/);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2::7', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::7', '2001:db8:1:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', 'unknown'],
  ])('counts %s as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('limits by client address', () => {
  let edge: LimitedEdge;
  afterEach(() => edge.close());

  async function remainingFor(headers: Record<string, string>): Promise<number> {
    const { headers: given } = await edge.ask('/nothing', headers);
    return Number(given.get('x-ratelimit-remaining'));
  }

  it('give no new window for a forged header', async () => {
    edge = await startLimitedEdge();
    for (let host = 1; host <= 100; host += 1) {
      const address = `192.0.2.${host}`;
      const forged = {
        'X-Forwarded-For': address,
        'CF-Connecting-IP': address,
        'X-Real-IP': address,
      };
      expect((await edge.ask('/nothing', forged)).status).toBe(404);
    }
    expect((await edge.ask('/nothing', { 'X-Forwarded-For': '192.0.2.200' })).status).toBe(429);
  });

  it('give one to each client of a trusted proxy, and none for what it claims', async () => {
    edge = await startLimitedEdge({ trusted: ['127.0.0.0/8'] });
    expect(await remainingFor({ 'X-Forwarded-For': '192.0.2.1' })).toBe(99);
    expect(await remainingFor({ 'X-Forwarded-For': '192.0.2.2' })).toBe(99);
    expect(await remainingFor({ 'X-Forwarded-For': '192.0.2.3, 192.0.2.1' })).toBe(98);
    expect(await remainingFor({ 'X-Forwarded-For': 'nonsense' })).toBe(99); // the proxy itself
    expect(await remainingFor({})).toBe(98);
  });

  it('give one to all addresses of an IPv6 /64, and to IPv4 however it is written', async () => {
    edge = await startLimitedEdge({ trusted: ['127.0.0.0/8'], header: 'cf-connecting-ip' });
    const at = (address: string) => remainingFor({ 'CF-Connecting-IP': address });
    expect(await at('2001:db8:1:2::1')).toBe(99);
    expect(await at('2001:DB8:1:2:ffff::9')).toBe(98);
    expect(await at('2001:db8:1:3::1')).toBe(99);
    expect(await at('192.0.2.1')).toBe(99);
    expect(await at('::ffff:192.0.2.1')).toBe(98);
    expect(await at('::ffff:c000:201')).toBe(97);
  });

  it('give the audit the address of the client, not of the proxy', async () => {
    edge = await startLimitedEdge({ trusted: ['127.0.0.0/8'] });
    const headers = { 'X-API-Key': OPERATOR_KEY, 'X-Forwarded-For': '2001:db8:1:2::7' };
    const principal = JSON.parse(await (await edge.ask('/api/things', headers)).text());
    expect(principal.ipAddress).toBe('2001:db8:1:2::7');
  });

  it.each([
    ['trace-1.a_B', true],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['a b', false],
    ['a;b', false],
    ['a, b', false],
    ['', false],
  ])('take X-Request-Id %j from a trusted proxy: %s', async (given, isTaken) => {
    edge = await startLimitedEdge({ trusted: ['127.0.0.0/8'] });
    const { headers } = await edge.ask('/nothing', { 'X-Request-Id': given });
    const id = headers.get('x-request-id') ?? '';
    expect(id === given).toBe(isTaken);
    if (!isTaken) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('make no URN of a request id that is no UUID', async () => {
    edge = await startLimitedEdge({ trusted: ['127.0.0.0/8'] });
    const headers = { 'X-Request-Id': 'trace-1', Accept: 'application/problem+json' };
    const problem = JSON.parse(await (await edge.ask('/nothing', headers)).text());
    expect(problem.requestId).toBe('trace-1');
    expect(problem).not.toHaveProperty('instance');
  });
});
