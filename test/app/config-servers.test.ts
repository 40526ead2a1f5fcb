import { describe, expect, it } from '@jest/globals';
import { problemsOf, PRODUCTION } from './config-problems.ts';

const PASSWORD = 'TEST-ONLY-planted';
const SERVERS = {
  ...PRODUCTION,
  STORAGE: 'servers',
  MONGODB_URL: 'mongodb://mongo/sallyport',
  REDIS_URL: 'redis://redis',
};

describe('the URL of a MongoDB', () => {
  it.each([
    'tlsInsecure=true',
    'tls=true&tlsAllowInvalidCertificates=true',
    'tls=true&tlsAllowInvalidHostnames=TRUE',
    'TLSINSECURE=true',
    'tls%49nsecure=true',
    'x=a?b&tlsInsecure=true',
  ])('may not switch certificate checks off by %s', (options) => {
    for (const variable of ['MONGODB_URL', 'SINK_MONGODB_URL']) {
      const url = `mongodb://user:${PASSWORD}@a,b:27018/name?${options}`;
      const problems = problemsOf({ ...SERVERS, [variable]: url });
      expect(problems).toEqual([
        expect.stringMatching(new RegExp(`^ {2}${variable} may not switch off .*_CA_FILE$`)),
      ]);
      expect(problems[0]).not.toContain('planted');
    }
  });

  it('may not do so behind a password that was not encoded', () => {
    const MONGODB_URL = `mongodb://user:what?${PASSWORD}&@a/name?tlsInsecure=true`;
    expect(problemsOf({ ...SERVERS, MONGODB_URL })).toHaveLength(1);
  });

  it.each([
    'mongodb://a,b:27018/name?tls=true&tlsInsecure=false',
    'mongodb://a/tlsInsecure?appName=tlsInsecure',
    'mongodb+srv://cluster.example.com/name?authSource=admin&replicaSet=rs0',
  ])('may be %s', (url) => {
    expect(problemsOf({ ...SERVERS, MONGODB_URL: url, SINK_MONGODB_URL: url })).toEqual([]);
  });
});

describe('the URL of a Redis', () => {
  it.each([
    'redis://',
    'redis:///0',
    'redis://host/?tls=',
    'rediss://host/?commandTimeout=0',
    'redis://host?family=6',
    'redis://host/?',
    'redis://host/#',
    'redis://host/name',
    'redis://host/0/1',
    'redis://host:99999',
    `redis://:${PASSWORD}%@host`,
    `redis://:%ff${PASSWORD}@host`,
    `redis://:1?${PASSWORD}@host`,
    `redis://:a/${PASSWORD}@host`,
  ])('cannot be %s', (url) => {
    for (const variable of ['REDIS_URL', 'SINK_REDIS_URL']) {
      const problems = problemsOf({ ...SERVERS, [variable]: url });
      expect(problems).toEqual([
        expect.stringMatching(new RegExp(`^ {2}${variable} must look like rediss://`)),
      ]);
      expect(problems[0]).not.toContain('planted');
    }
  });

  it.each(['redis://host', 'rediss://user:p%2Fw%3Fd@host:6380/15', 'redis://[::1]:6379/'])(
    'may be %s',
    (url) => {
      const env = { ...SERVERS, NODE_ENV: 'development' };
      expect(problemsOf({ ...env, REDIS_URL: url, SINK_REDIS_URL: url })).toEqual([]);
    },
  );
});

describe('a file of authorities', () => {
  const PREFIXES = ['', 'SINK_'];

  it('is refused beside a Redis that is spoken to in clear', () => {
    for (const prefix of PREFIXES) {
      const url = `${prefix}REDIS_URL`;
      const env = { ...SERVERS, [`${prefix}REDIS_CA_FILE`]: '/ca.pem' };
      expect(problemsOf({ ...env, [url]: 'redis://host' })).toEqual([
        `  ${prefix}REDIS_CA_FILE is set, but nothing is encrypted: begin ${url} with rediss://, or leave the file out`,
      ]);
      expect(problemsOf({ ...env, [url]: 'rediss://host' })).toEqual([]);
    }
  });

  it('is refused beside a MongoDB whose URL switches TLS off', () => {
    for (const prefix of PREFIXES) {
      const url = `${prefix}MONGODB_URL`;
      const env = { ...SERVERS, [`${prefix}MONGODB_CA_FILE`]: '/ca.pem' };
      for (const option of ['tls=false', 'ssl=false', 'TLS=false']) {
        expect(problemsOf({ ...env, [url]: `mongodb://a,b/?${option}` })).toEqual([
          `  ${prefix}MONGODB_CA_FILE is set, but nothing is encrypted: put tls=true into ${url}, or leave the file out`,
        ]);
      }
      // It switches TLS on where the URL says nothing of it.
      for (const good of ['mongodb://a', 'mongodb://a/?tls=true', 'mongodb+srv://a.example.com']) {
        expect(problemsOf({ ...env, [url]: good })).toEqual([]);
      }
    }
  });

  it('is no problem where there is no server of that kind', () => {
    expect(problemsOf({ REDIS_CA_FILE: '/ca.pem', SINK_MONGODB_CA_FILE: '/ca.pem' })).toEqual([]);
  });
});
