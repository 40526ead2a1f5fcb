import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect, parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readConfig, VARIABLES } from '../../src/config.ts';
import { POLICIES } from '../../src/domain/limits/policies.ts';

const KEY = createHash('sha256').update('TEST ONLY: one').digest('hex');
const OTHER_KEY = createHash('sha256').update('TEST ONLY: two').digest('hex');
const OPERATOR = createHash('sha256').update('TEST ONLY: operator').digest('hex');
const PRODUCTION = {
  NODE_ENV: 'production',
  ENCRYPTION_KEYS: `a:${KEY}`,
  OPERATOR_API_KEY: OPERATOR,
};

function problemsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof Error) return error.message.split('\n').slice(1);
    throw error;
  }
  return [];
}

describe('configuration', () => {
  it('needs nothing outside production', () => {
    expect(readConfig({})).toEqual({
      production: false,
      http: { host: '127.0.0.1', port: 8010 },
      metrics: { host: '127.0.0.1', port: 9090 },
      storage: { kind: 'embedded' },
      sinkServers: {
        mongodbUrl: undefined,
        mongodbCaFile: undefined,
        redisUrl: undefined,
        redisCaFile: undefined,
      },
      mongodb: {
        caFile: undefined,
        maxPoolSize: 20,
        waitQueueTimeoutMs: 2000,
        connectTimeoutMs: 5000,
        selectionTimeoutMs: 5000,
      },
      redis: { caFile: undefined, connectTimeoutMs: 5000 },
      readinessStrict: false,
      dataDir: './data',
      encryptionKeys: undefined,
      operatorApiKey: undefined,
      instances: 1,
      rateLimits: POLICIES,
      trustedProxies: [],
      clientAddressHeader: 'x-forwarded-for',
      sinkAllowedAddresses: [],
      ackTimeoutMs: 2000,
      drainDelayMs: 0,
      shutdownTimeoutMs: 10_000,
      storeTimeoutMs: 5000,
      maxBytesInFlight: 67_108_864,
      maxBacklogReceipts: 100_000,
      minFreeDiskBytes: 268_435_456,
      heartbeatMs: 300_000,
      retentionMs: 7 * 86_400_000,
      deadLetterRetentionMs: 30 * 86_400_000,
      auditRetentionMs: 365 * 86_400_000,
      logLevel: 'info',
      healthDetails: 'everyone',
    });
  });

  it('is all in .env.example, with its defaults', () => {
    const example = parseEnv(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8'));
    expect(Object.keys(example).toSorted()).toEqual([...VARIABLES].toSorted());
    expect(readConfig(example)).toEqual(readConfig({}));
    // Every number there is the default itself, not only something that is read as one.
    for (const [name, value] of Object.entries(example)) {
      if (/^\d+$/.test(value ?? '')) {
        expect([name, readConfig({ [name]: String(Number(value) + 1) })]).not.toEqual([
          name,
          readConfig({}),
        ]);
      }
    }
  });

  it('takes an empty variable as one that is not set', () => {
    expect(readConfig({ PORT: '', OPERATOR_API_KEY: ' ', LOG_LEVEL: '' })).toEqual(readConfig({}));
  });

  it('reads a ring of keys, the first one first', () => {
    const keys = readConfig({ ENCRYPTION_KEYS: `new:${KEY}, old:${OTHER_KEY}` }).encryptionKeys;
    expect(keys?.map(({ id, key }) => [id, key.reveal()])).toEqual([
      ['new', KEY],
      ['old', OTHER_KEY],
    ]);
  });

  it('names a bare key by the start of its SHA-256', () => {
    const keys = readConfig({ ENCRYPTION_KEY: KEY }).encryptionKeys;
    const id = createHash('sha256').update(KEY).digest('hex').slice(0, 8);
    expect(keys?.map((key) => [key.id, key.key.reveal()])).toEqual([[id, KEY]]);
  });

  it('switches the metrics off', () => {
    expect(readConfig({ METRICS_ENABLED: 'false' }).metrics).toBeUndefined();
  });

  it('reads address ranges', () => {
    const { sinkAllowedAddresses } = readConfig({
      SINK_ALLOWED_ADDRESSES: '10.0.0.0/8, fd00::/8,',
    });
    expect(sinkAllowedAddresses).toEqual(['10.0.0.0/8', 'fd00::/8']);
  });

  it('reads the limits, each with what was not said', () => {
    const { rateLimits } = readConfig({ RATE_LIMIT_MAX: '7', RATE_LIMIT_API_WINDOW_MS: '5000' });
    expect(rateLimits).toEqual({
      general: { name: 'general', max: 7, windowMs: 900_000 },
      api: { name: 'api', max: 100, windowMs: 5000 },
      credential: { name: 'credential', max: 20, windowMs: 900_000 },
    });
    expect(readConfig({ RATE_LIMIT_ENABLED: 'false' }).rateLimits).toBeUndefined();
  });

  it('reads whom to believe about the client', () => {
    const config = readConfig({
      TRUSTED_PROXIES: '10.0.0.0/8, ::1/128',
      CLIENT_ADDRESS_HEADER: 'CF-Connecting-IP',
    });
    expect(config.trustedProxies).toEqual(['10.0.0.0/8', '::1/128']);
    expect(config.clientAddressHeader).toBe('cf-connecting-ip');
  });

  it('reports every problem at once, a line a variable', () => {
    const problems = problemsOf({
      NODE_ENV: 'production',
      PORT: '70000',
      ACK_TIMEOUT_MS: '2s',
      STORAGE: 'clouds',
      SINK_ALLOWED_ADDRESSES: '10.0.0.0',
    });
    expect(problems).toHaveLength(6);
    expect(problems).toEqual(
      expect.arrayContaining([
        '  ENCRYPTION_KEYS is missing; set it to: k1:$(openssl rand -hex 32)',
        '  OPERATOR_API_KEY is missing; make one with: openssl rand -hex 32',
        '  PORT must be a whole number from 0 to 65535',
        '  ACK_TIMEOUT_MS must be a whole number from 100 to 3000',
        '  STORAGE must be embedded or servers',
        expect.stringMatching(/^ {2}SINK_ALLOWED_ADDRESSES must be address ranges/),
      ]),
    );
  });

  it('wants both servers, and the secrets that instances share, with STORAGE=servers', () => {
    expect(problemsOf({ STORAGE: 'servers' })).toEqual([
      '  MONGODB_URL must be set with STORAGE=servers, such as mongodb://host:27017/sallyport',
      '  REDIS_URL must be set with STORAGE=servers, such as redis://host:6379',
      '  OPERATOR_API_KEY must be set with STORAGE=servers, the same for all instances',
      '  ENCRYPTION_KEYS must be set with STORAGE=servers, the same for all instances',
    ]);
  });

  it('refuses servers that would not be used', () => {
    expect(problemsOf({ MONGODB_URL: 'mongodb://a' })).toEqual([
      '  MONGODB_URL is set, but not used: set STORAGE=servers too, or leave it out',
    ]);
  });

  it('keeps the URLs of servers from being printed, whether they are good or bad', () => {
    const good = {
      ...PRODUCTION,
      STORAGE: 'servers',
      MONGODB_URL: 'mongodb://user:hunter2@a,b/name?tls=true',
      REDIS_URL: 'rediss://:hunter2@host:6380',
    };
    const config = readConfig(good);
    expect(config.storage).toMatchObject({ kind: 'servers' });
    expect(inspect(config, { depth: 10 }) + JSON.stringify(config)).not.toContain('hunter2');
    expect(problemsOf({ ...good, MONGODB_URL: 'http://user:hunter2@a' })).toEqual([
      '  MONGODB_URL must be a URL that begins with mongodb:// or mongodb+srv://',
    ]);
    expect(problemsOf({ ...good, REDIS_URL: 'redis//:hunter2@a' })).toEqual([
      '  REDIS_URL must be a URL that begins with redis:// or rediss://',
    ]);
  });

  it('has enough for production with its two secrets', () => {
    expect(readConfig(PRODUCTION).production).toBe(true);
    const { ENCRYPTION_KEYS: _, ...rest } = PRODUCTION;
    expect(readConfig({ ...rest, ENCRYPTION_KEY: KEY }).encryptionKeys).toHaveLength(1);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'a short key',
      { OPERATOR_API_KEY: 'tooshort-9f3b' },
      /^ {2}OPERATOR_API_KEY .*shorter than 32/,
    ],
    ['a sample', { OPERATOR_API_KEY: `change-me-${OPERATOR}` }, /^ {2}OPERATOR_API_KEY .*sample/],
    ['an example', { OPERATOR_API_KEY: `Example-${OPERATOR}` }, /^ {2}OPERATOR_API_KEY .*sample/],
    ['zeros', { ENCRYPTION_KEYS: `a:${'0'.repeat(64)}` }, /^ {2}ENCRYPTION_KEYS .*sample/],
    [
      'a pattern',
      { ENCRYPTION_KEYS: `a:${'0123456789abcdef'.repeat(4)}` },
      /^ {2}ENCRYPTION_KEYS .*sample/,
    ],
    [
      'a key twice in the ring',
      { ENCRYPTION_KEYS: `a:${KEY},b:${KEY.toUpperCase()}` },
      /^ {2}ENCRYPTION_KEYS .*repeats/,
    ],
    [
      'one value for two',
      { OPERATOR_API_KEY: KEY },
      /^ {2}OPERATOR_API_KEY repeats a value of ENCRYPTION_KEYS/,
    ],
  ])('refuses %s in production', (_what, env, problem) => {
    const problems = problemsOf({ ...PRODUCTION, ...env });
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems[0]).toContain('openssl rand -hex 32');
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'both kinds of keys',
      { ENCRYPTION_KEYS: `a:${KEY}`, ENCRYPTION_KEY: OTHER_KEY },
      /ENCRYPTION_KEY is set beside/,
    ],
    ['a key without an id', { ENCRYPTION_KEYS: KEY }, /ENCRYPTION_KEYS must be id:/],
    ['a short AES key', { ENCRYPTION_KEYS: `a:${KEY.slice(1)}` }, /ENCRYPTION_KEYS must be id:/],
    ['two keys of one id', { ENCRYPTION_KEYS: `a:${KEY},a:${OTHER_KEY}` }, /two keys of one id/],
    [
      'a bare key that is no hex',
      { ENCRYPTION_KEY: 'x'.repeat(64) },
      /ENCRYPTION_KEY must be 64 hex/,
    ],
    [
      'a key that no header can carry',
      { OPERATOR_API_KEY: 'smörgås' },
      /OPERATOR_API_KEY must be visible ASCII/,
    ],
    ['a host with a scheme', { HOST: 'http://a' }, /HOST must be an address/],
    ['a proxy without a range', { TRUSTED_PROXIES: '10.0.0.1' }, /TRUSTED_PROXIES must be address/],
    ['two headers', { CLIENT_ADDRESS_HEADER: 'a, b' }, /CLIENT_ADDRESS_HEADER must be the name/],
    [
      'an unknown environment',
      { NODE_ENV: 'prod' },
      /NODE_ENV must be development or test or production/,
    ],
  ])('refuses %s everywhere', (_what, env, problem) => {
    expect(problemsOf(env)).toEqual([expect.stringMatching(problem)]);
  });

  const numbers: [string, number, number][] = [
    ['PORT', 0, 65_535],
    ['METRICS_PORT', 0, 65_535],
    ['INSTANCES', 1, 1000],
    ['RATE_LIMIT_MAX', 1, 1_000_000_000],
    ['RATE_LIMIT_WINDOW_MS', 1000, 86_400_000],
    ['RATE_LIMIT_API_MAX', 1, 1_000_000_000],
    ['RATE_LIMIT_API_WINDOW_MS', 1000, 86_400_000],
    ['ACK_TIMEOUT_MS', 100, 3000],
    ['DRAIN_DELAY_MS', 0, 300_000],
    ['SHUTDOWN_TIMEOUT_MS', 100, 300_000],
    ['STORE_TIMEOUT_MS', 100, 60_000],
    ['MAX_BYTES_IN_FLIGHT', 4_194_304, 17_179_869_184],
    ['MAX_BACKLOG_RECEIPTS', 1, 10_000_000],
    ['MIN_FREE_DISK_MB', 0, 1_000_000_000],
    ['HEARTBEAT_SECONDS', 0, 86_400],
    ['RETENTION_DAYS', 1, 3650],
    ['DEAD_LETTER_RETENTION_DAYS', 1, 3650],
    ['AUDIT_RETENTION_DAYS', 1, 3650],
  ];

  it.each(numbers)('keeps %s from %d to %d', (name, min, max) => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: -10, max: max + 10 }),
          fc.constantFrom(min - 1, min, max, max + 1),
        ),
        (value) => {
          const problems = problemsOf({ [name]: String(value) });
          expect(problems).toHaveLength(value >= min && value <= max ? 0 : 1);
        },
      ),
      { numRuns: 100 },
    );
    for (const nonsense of ['1.5', '1e3', '0x10', '+1', '1 000', 'NaN', 'Infinity', '١']) {
      expect(problemsOf({ [name]: nonsense })).toHaveLength(1);
    }
  });

  it('never quotes a secret, whatever else is wrong', () => {
    const secret = fc
      .string({ minLength: 6, maxLength: 80 })
      .map((text) => `planted-${text}`)
      .filter((text) => !text.includes('\n'));
    fc.assert(
      fc.property(secret, secret, secret, fc.boolean(), (ring, bare, operator, production) => {
        const secrets = { ENCRYPTION_KEYS: ring, ENCRYPTION_KEY: bare, OPERATOR_API_KEY: operator };
        const NODE_ENV = production ? 'production' : 'development';
        const problems = problemsOf({ NODE_ENV, PORT: 'x', ...secrets }).join('\n');
        expect(problems).toContain('PORT');
        expect(problems).not.toContain('planted');
      }),
      { numRuns: 300 },
    );
  });

  it('prints no secret', () => {
    expect(JSON.stringify(readConfig(PRODUCTION))).not.toMatch(new RegExp(`${KEY}|${OPERATOR}`));
  });
});
