import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readConfig } from '../../src/config.ts';
import { KEY, OPERATOR, OTHER_KEY, problemsOf, PRODUCTION, testSecret } from './config-problems.ts';

const hexOf = (character = '') => character.charCodeAt(0).toString(16);

describe('secrets of the configuration', () => {
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

  it('reads a list of operator keys, and of what signs, the first one first', () => {
    const lists = {
      OPERATOR_API_KEY: `${OPERATOR}, ${KEY},`,
      ACCESS_TOKEN_SECRETS: testSecret('access'),
      REFRESH_TOKEN_SECRETS: `${testSecret('refresh')},${testSecret('refresh before')}`,
      PRESIGNED_URL_SECRETS: testSecret('presigned'),
      SESSION_SECRETS: testSecret('session'),
    };
    const { operatorApiKeys, signing } = readConfig(lists);
    expect(operatorApiKeys?.map((key) => key.reveal())).toEqual([OPERATOR, KEY]);
    const revealed = Object.entries(signing).map(([name, secrets]) => [
      name,
      secrets?.map((secret) => secret.reveal()),
    ]);
    expect(Object.fromEntries(revealed)).toEqual({
      accessToken: [testSecret('access')],
      refreshToken: [testSecret('refresh'), testSecret('refresh before')],
      presignedUrl: [testSecret('presigned')],
      session: [testSecret('session')],
    });
    expect(problemsOf({ ...PRODUCTION, ...lists, ENCRYPTION_KEYS: `a:${OTHER_KEY}` })).toEqual([]);
  });

  it('takes the secret of the application at Entra as it stands', () => {
    const secret = 'TEST-ONLY~a,b.c';
    expect(readConfig({ GRAPH_CLIENT_SECRET: secret }).graphClientSecret?.reveal()).toBe(secret);
    // Others have made it, so it may be short.
    expect(problemsOf({ ...PRODUCTION, GRAPH_CLIENT_SECRET: secret })).toEqual([]);
  });

  it('keeps the URLs of servers from being printed, whether they are good or bad', () => {
    const good = {
      ...PRODUCTION,
      STORAGE: 'servers',
      MONGODB_URL: 'mongodb://user:TEST-ONLY-hunter2@a,b/name?tls=true',
      REDIS_URL: 'rediss://:TEST-ONLY-hunter2@host:6380',
    };
    const config = readConfig(good);
    expect(config.storage).toMatchObject({ kind: 'servers' });
    expect(inspect(config, { depth: 10 }) + JSON.stringify(config)).not.toContain('hunter2');
    expect(problemsOf({ ...good, MONGODB_URL: 'http://user:TEST-ONLY-hunter2@a' })).toEqual([
      '  MONGODB_URL must be a URL that begins with mongodb:// or mongodb+srv://',
    ]);
    expect(problemsOf({ ...good, REDIS_URL: 'redis//:TEST-ONLY-hunter2@a' })).toEqual([
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
      'a walk along the alphabet',
      { OPERATOR_API_KEY: 'abcdefghijklmnopqrstuvwxyz0123456789' },
      /^ {2}OPERATOR_API_KEY is too regular/,
    ],
    [
      'one word said three times',
      { SESSION_SECRETS: 'correcthorsebatterystaple'.repeat(3) },
      /^ {2}SESSION_SECRETS is too regular/,
    ],
    [
      'a weak one behind a good one',
      { OPERATOR_API_KEY: `${OPERATOR},tooshort-9f3b` },
      /^ {2}OPERATOR_API_KEY is shorter than 32/,
    ],
    [
      'a value twice in a list',
      { ACCESS_TOKEN_SECRETS: `${OTHER_KEY}, ${OTHER_KEY}` },
      /^ {2}ACCESS_TOKEN_SECRETS repeats a value of ACCESS_TOKEN_SECRETS/,
    ],
    [
      'one value in two lists',
      {
        ACCESS_TOKEN_SECRETS: OTHER_KEY,
        REFRESH_TOKEN_SECRETS: `${KEY.slice(32)}f00d,${OTHER_KEY}`,
      },
      /^ {2}REFRESH_TOKEN_SECRETS repeats a value of ACCESS_TOKEN_SECRETS/,
    ],
    [
      'a list with nothing in it',
      { PRESIGNED_URL_SECRETS: ' , ' },
      /^ {2}PRESIGNED_URL_SECRETS is a list with nothing in it/,
    ],
    [
      'commas instead of the operator key',
      { OPERATOR_API_KEY: ',' },
      /^ {2}OPERATOR_API_KEY is a list with nothing in it/,
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

  const SERVERS = {
    ...PRODUCTION,
    STORAGE: 'servers',
    MONGODB_URL: 'mongodb://mongo/sallyport',
    REDIS_URL: 'redis://redis',
  };

  it.each<[string, string, string]>([
    ['MONGODB_URL', 'mongodb://user:changeme@a,b/name', 'holds a sample, known to everybody'],
    ['REDIS_URL', 'redis://:Password1@host', 'holds a sample, known to everybody'],
    [
      'SINK_MONGODB_URL',
      'mongodb+srv://user:your-secret@host',
      'holds a sample, known to everybody',
    ],
    ['SINK_REDIS_URL', 'rediss://user:aaaaaaaa@host', 'holds a sample, known to everybody'],
    ['GRAPH_CLIENT_SECRET', 'an-example-of-one', 'holds a sample, known to everybody'],
    ['REDIS_URL', `redis://:${OPERATOR}@host`, 'holds a value of OPERATOR_API_KEY'],
    ['GRAPH_CLIENT_SECRET', KEY, 'holds a value of ENCRYPTION_KEYS'],
    ['REDIS_URL', `redis://:%${hexOf(OPERATOR[0])}${OPERATOR.slice(1)}@host`, 'holds a value of'],
    ['REDIS_URL', `redis://user@x:${OPERATOR}@host`, 'holds a value of OPERATOR_API_KEY'],
    [
      'MONGODB_URL',
      `mongodb://user:${KEY.toUpperCase()}@a,b/x`,
      'holds a value of ENCRYPTION_KEYS',
    ],
    ['MONGODB_URL', 'mongodb://user:admin@host/name', 'holds what is guessed at once'],
    ['MONGODB_URL', 'mongodb://user@x:secret@host', 'holds what is guessed at once'],
    ['REDIS_URL', 'redis://:123456@host', 'holds what is guessed at once'],
    ['REDIS_URL', 'redis://:12345678@host', 'holds what is guessed at once'],
    ['SINK_REDIS_URL', 'redis://:sallyport@host', 'holds what is guessed at once'],
    ['SINK_MONGODB_URL', 'mongodb://u:%73allyport@host', 'holds what is guessed at once'],
    ['SINK_MONGODB_URL', 'mongodb://u:ch%61ngeme@host', 'holds a sample, known to everybody'],
    [
      'GRAPH_CLIENT_SECRET',
      'hk29',
      'holds what is guessed at once, or has fewer than 8 characters',
    ],
  ])('refuses in production %s with %s', (variable, value, problem) => {
    expect(problemsOf({ ...SERVERS, [variable]: value })).toEqual([
      expect.stringContaining(`  ${variable} ${problem}`),
    ]);
    expect(problemsOf({ ...SERVERS, NODE_ENV: 'development', [variable]: value })).toEqual([]);
  });

  it('has no quarrel with URLs that have no password, or one of 8 characters', () => {
    for (const REDIS_URL of [
      'redis://host',
      'redis://admin@host:6379/0',
      'redis://user:@host',
      'redis://user:s3:crets@host',
      'redis://admin:hk29wq8d@sample/0',
    ]) {
      expect(problemsOf({ ...SERVERS, REDIS_URL })).toEqual([]);
    }
    for (const MONGODB_URL of [
      'mongodb://u:hk29wq8d@mongo.example.com/sample',
      'mongodb://u:hk/29wq8d@mongo',
      'mongodb://mongo.example.com:27017,b:27018/admin?appName=a@sample',
    ]) {
      expect(problemsOf({ ...SERVERS, MONGODB_URL })).toEqual([]);
    }
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
    [
      'a second key that no header can carry',
      { OPERATOR_API_KEY: `${OPERATOR},two words` },
      /OPERATOR_API_KEY must be visible ASCII/,
    ],
    [
      'commas for a key',
      { OPERATOR_API_KEY: ',' },
      /OPERATOR_API_KEY is a list with nothing in it/,
    ],
  ])('refuses %s everywhere', (_what, env, problem) => {
    expect(problemsOf(env)).toEqual([expect.stringMatching(problem)]);
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
