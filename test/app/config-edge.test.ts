import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { problemsOf, PRODUCTION } from './config-problems.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const edgeOf = (env: Record<string, string>) => readConfig(env).edge;
const hostsOf = (env: Record<string, string>) => edgeOf(env).allowedHosts;

describe('hosts that are served', () => {
  it('are those that are named, and loopback names outside production', () => {
    const named = { ALLOWED_HOSTS: 'a.example.com, 10.0.0.7,b_c,' };
    expect(hostsOf(named)).toEqual(['a.example.com', '10.0.0.7', 'b_c', ...LOOPBACK]);
    expect(hostsOf({ ...PRODUCTION, ...named })).toEqual(['a.example.com', '10.0.0.7', 'b_c']);
  });

  it('are loopback names in production where nothing is named', () => {
    expect(hostsOf(PRODUCTION)).toEqual(LOOPBACK);
  });

  it('are in the spelling that requests have', () => {
    const ALLOWED_HOSTS = 'Gateway.EXAMPLE.com,[2001:DB8:0:0::1]';
    expect(hostsOf({ ...PRODUCTION, ALLOWED_HOSTS })).toEqual([
      'gateway.example.com',
      '[2001:db8::1]',
    ]);
  });

  it.each([
    ['APP_URL', 'https://App.example.com:8443/start', 'app.example.com'],
    ['CLIENT_URL', 'http://[2001:db8::2]/', '[2001:db8::2]'],
    ['GRAPH_WEBHOOK_URL', 'https://graph.example.com/webhooks/graph', 'graph.example.com'],
  ])('have the one of %s among them', (variable, url, host) => {
    expect(hostsOf({ ...PRODUCTION, [variable]: url })).toEqual([host]);
    const both = { ...PRODUCTION, ALLOWED_HOSTS: `other.example,${host}`, [variable]: url };
    expect(hostsOf(both)).toEqual(['other.example', host]);
    expect(hostsOf({ [variable]: url })).toEqual([host, ...LOOPBACK]);
  });

  it('are any, when that is said and nothing beside it', () => {
    expect(hostsOf({ ...PRODUCTION, ALLOWED_HOSTS: '*' })).toBe('any');
    expect(hostsOf({ ALLOWED_HOSTS: '*', APP_URL: 'https://app.example.com' })).toBe('any');
  });

  it.each([
    'a.example.com:8010',
    '127.0.0.1:80',
    '[::1]:8010',
    '::1',
    '[::1',
    '[127.0.0.1]',
    '[fe80::1%eth0]',
    '[::1]/]',
    'https://a.example.com',
    '*.example.com',
    '*,a.example.com',
    'a.example.com.',
    'a b',
    'user@a',
    'a/b',
    'bücher.example',
  ])('cannot be %s', (ALLOWED_HOSTS) => {
    expect(problemsOf({ ALLOWED_HOSTS })).toEqual([
      '  ALLOWED_HOSTS must be host names without ports, such as gateway.example.com, comma-separated, or *',
    ]);
  });
});

describe('origins whose pages may call the API', () => {
  it('are those of the two URLs, and in development two of this machine', () => {
    const urls = {
      APP_URL: 'https://app.example.com/start?x=1',
      CLIENT_URL: 'http://c.example:81/',
    };
    const origins = ['https://app.example.com', 'http://c.example:81'];
    expect(edgeOf({ ...PRODUCTION, ...urls }).corsOrigins).toEqual(origins);
    expect(edgeOf(urls).corsOrigins).toEqual([
      ...origins,
      'http://localhost:5173',
      'http://localhost:3000',
    ]);
  });

  it('are none in production without a URL, and each once', () => {
    expect(edgeOf(PRODUCTION).corsOrigins).toEqual([]);
    const same = { APP_URL: 'https://a.example/x', CLIENT_URL: 'https://A.example:443/y' };
    expect(edgeOf({ ...PRODUCTION, ...same }).corsOrigins).toEqual(['https://a.example']);
    expect(edgeOf({ APP_URL: 'http://localhost:3000' }).corsOrigins).toEqual([
      'http://localhost:3000',
      'http://localhost:5173',
    ]);
  });
});

describe('URLs of pages and endpoints', () => {
  const PAGE = /must be a URL that begins with https:\/\/ or http:\/\/, without a user/;
  const ENDPOINT = /must be a URL that begins with https:\/\/, without a user/;

  it.each<[string, string, RegExp]>([
    ['APP_URL', 'app.example.com', PAGE],
    ['APP_URL', 'ftp://a.example', PAGE],
    ['CLIENT_URL', 'https://user:planted@a.example', PAGE],
    ['CLIENT_URL', 'https://a.example/#x', PAGE],
    ['GRAPH_WEBHOOK_URL', 'http://a.example/webhooks/graph', ENDPOINT],
    ['GRAPH_WEBHOOK_URL', 'https://planted@a.example/webhooks/graph', ENDPOINT],
  ])('cannot be %s=%s', (variable, url, problem) => {
    const problems = problemsOf({ [variable]: url });
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems[0]).toMatch(new RegExp(`^ {2}${variable} `));
    expect(problems[0]).not.toContain('planted');
  });

  it('may have a path and a query, an @ in it included', () => {
    const GRAPH_WEBHOOK_URL = 'https://a.example/x/@graph/webhooks/graph?y=1';
    expect(readConfig({ GRAPH_WEBHOOK_URL }).graph.webhookUrl).toBe(GRAPH_WEBHOOK_URL);
  });
});

describe('addresses that may act as administrators', () => {
  it('are ranges, and all where none is said', () => {
    expect(edgeOf({}).adminAllowedIps).toEqual([]);
    const ADMIN_ALLOWED_IPS = '10.0.0.0/8, 2001:db8::/32';
    expect(edgeOf({ ADMIN_ALLOWED_IPS }).adminAllowedIps).toEqual(['10.0.0.0/8', '2001:db8::/32']);
  });
});

describe('address ranges', () => {
  const VARIABLES = ['ADMIN_ALLOWED_IPS', 'TRUSTED_PROXIES', 'SINK_ALLOWED_ADDRESSES'];

  it.each([
    '10.0.0.1',
    '10.0.0.0/33',
    '::/129',
    'a.example.com',
    '10.0.0.0/8;::1/128',
    // Octal, hexadecimal and shortened: other networks than they seem to be.
    '192.168.010.0/24',
    '010.0.0.0/8',
    '10.0.0.0/010',
    '0x0a.0.0.0/8',
    '10/8',
    '10.1/16',
    '167772160/8',
    // Clients of IPv4 are compared as such.
    '::ffff:10.0.0.0/104',
    '::FFFF:a00:0/104',
    'fe80::1%eth0/64',
    '10.0.0.0/8/8',
    '/8',
  ])('cannot be %s', (range) => {
    for (const variable of VARIABLES) {
      expect(problemsOf({ [variable]: `192.0.2.0/24,${range}` })).toEqual([
        expect.stringMatching(new RegExp(`^ {2}${variable} must be address ranges`)),
      ]);
    }
  });

  it.each(['0.0.0.0/0', '::/0', '192.168.10.0/24', '127.0.0.1/32', 'FD00::/8', '64:ff9b::/96'])(
    'can be %s',
    (range) => {
      for (const variable of VARIABLES) expect(problemsOf({ [variable]: range })).toEqual([]);
    },
  );
});

describe('headers for browsers', () => {
  it('can be switched off one by one', () => {
    const env = { SECURITY_HEADERS_ENABLED: 'false', CSP_ENABLED: 'false', HSTS_PRELOAD: 'false' };
    for (const [variable, field] of [
      ['SECURITY_HEADERS_ENABLED', 'enabled'],
      ['CSP_ENABLED', 'csp'],
      ['HSTS_PRELOAD', 'hstsPreload'],
    ] as const) {
      expect(edgeOf({ [variable]: 'false' }).securityHeaders).toEqual({
        enabled: true,
        csp: true,
        hstsPreload: true,
        [field]: false,
      });
    }
    expect(Object.values(edgeOf(env).securityHeaders)).toEqual([false, false, false]);
  });
});
