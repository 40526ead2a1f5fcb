import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readCliSettings } from '../../src/cli/settings.ts';
import { readConfig, VARIABLES } from '../../src/config.ts';
import { POLICIES } from '../../src/domain/limits/policies.ts';
import { problemsOf } from './config-problems.ts';

describe('configuration', () => {
  it('needs nothing outside production', () => {
    expect(readConfig({})).toEqual({
      production: false,
      http: { host: '127.0.0.1', port: 8010, maxConnections: 10_000 },
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
      operatorApiKeys: undefined,
      signing: {
        accessToken: undefined,
        refreshToken: undefined,
        presignedUrl: undefined,
        session: undefined,
      },
      graphClientSecret: undefined,
      instances: 1,
      rateLimits: POLICIES,
      edge: {
        securityHeaders: { enabled: true, csp: true, hstsPreload: true },
        corsOrigins: ['http://localhost:5173', 'http://localhost:3000'],
        allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
        adminAllowedIps: [],
      },
      circuitBreakers: {
        enabled: true,
        timeoutMs: 10_000,
        errorThresholdPercent: 50,
        resetTimeoutMs: 30_000,
        volumeThreshold: 10,
      },
      graph: {
        webhookUrl: undefined,
        tenantId: undefined,
        clientId: undefined,
        cloud: 'global',
        baseUrl: undefined,
        loginUrl: undefined,
        certificatesDir: 'data/certificates',
      },
      trustedProxies: [],
      clientAddressHeader: 'x-forwarded-for',
      sinkAllowedAddresses: [],
      ackTimeoutMs: 2000,
      requestTimeoutMs: 10_000,
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
      switchedOff: [],
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

  it('takes no white space around a value for a part of it, as the command does', () => {
    const env = {
      PORT: '18820 ',
      DATA_DIR: ' /x/data \t',
      LOG_LEVEL: 'warn\r',
      GRAPH_CLIENT_SECRET: ' TEST-ONLY ',
      MONGODB_CA_FILE: '/ca.pem\n',
    };
    const config = readConfig(env);
    expect([config.http.port, config.dataDir, config.logLevel, config.mongodb.caFile]).toEqual([
      18_820,
      '/x/data',
      'warn',
      '/ca.pem',
    ]);
    expect(config.graphClientSecret?.reveal()).toBe('TEST-ONLY');
    const settings = readCliSettings(env);
    expect([settings.url, settings.dataDir]).toEqual(['http://127.0.0.1:18820', config.dataDir]);
    expect(settings.variable('LOG_LEVEL')).toBe(config.logLevel);
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
      ...POLICIES,
      general: { name: 'general', max: 7, windowMs: 900_000 },
      api: { name: 'api', max: 100, windowMs: 5000 },
    });
    expect(readConfig({ RATE_LIMIT_ENABLED: 'false' }).rateLimits).toBeUndefined();
  });

  it.each([
    ['general', 'RATE_LIMIT'],
    ['api', 'RATE_LIMIT_API'],
    ['auth', 'RATE_LIMIT_AUTH'],
    ['strict', 'STRICT_RATE_LIMIT'],
    ['api-key-creation', 'RATE_LIMIT_API_KEY_CREATION'],
    ['password-reset', 'RATE_LIMIT_PASSWORD_RESET'],
  ] as const)(
    'reads the policy %s from %s_MAX and _WINDOW_MS, and changes no other',
    (name, start) => {
      const env = { [`${start}_MAX`]: '11', [`${start}_WINDOW_MS`]: '12000' };
      expect(readConfig(env).rateLimits).toEqual({
        ...POLICIES,
        [name]: { name, max: 11, windowMs: 12_000 },
      });
    },
  );

  it('names the protections that are switched off', () => {
    const names = [
      'RATE_LIMIT_ENABLED',
      'SECURITY_HEADERS_ENABLED',
      'CSP_ENABLED',
      'CIRCUIT_BREAKER_ENABLED',
      'METRICS_ENABLED',
    ];
    const off = Object.fromEntries(names.map((name) => [name, 'false']));
    expect(readConfig({ ...off, HSTS_PRELOAD: 'false' }).switchedOff).toEqual(names);
    for (const name of names) {
      expect(readConfig({ [name]: 'false' }).switchedOff).toEqual([name]);
      expect(readConfig({ [name]: 'true' }).switchedOff).toEqual([]);
      expect(problemsOf({ [name]: 'off' })).toEqual([`  ${name} must be true or false`]);
    }
  });

  it('reads the circuit breakers', () => {
    const config = readConfig({
      CIRCUIT_BREAKER_ENABLED: 'false',
      CIRCUIT_BREAKER_TIMEOUT: '200',
      CIRCUIT_BREAKER_ERROR_THRESHOLD: '20',
      CIRCUIT_BREAKER_RESET_TIMEOUT: '300',
      CIRCUIT_BREAKER_VOLUME_THRESHOLD: '4',
    });
    expect(config.circuitBreakers).toEqual({
      enabled: false,
      timeoutMs: 200,
      errorThresholdPercent: 20,
      resetTimeoutMs: 300,
      volumeThreshold: 4,
    });
  });

  it('has certificates in the data folder, unless it is told where', () => {
    expect(readConfig({ DATA_DIR: '/data' }).graph.certificatesDir).toBe('/data/certificates');
    const { graph } = readConfig({ DATA_DIR: '/data', ENCRYPTION_CERTIFICATES: '/certificates' });
    expect(graph.certificatesDir).toBe('/certificates');
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

  it.each<[string, Record<string, string>, RegExp]>([
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
});
