import { z } from 'zod';
import type { Complain } from './configured-secrets.ts';
import { Secret } from './domain/secret.ts';

/** The URLs of servers. They may hold passwords: no error quotes anything of them. */

const UNVERIFIED =
  'may not switch off the verification of certificates (tlsInsecure, tlsAllowInvalid…): leave that out, and name who signed them in the variable that ends in _CA_FILE';

const NO_REDIS =
  'must look like rediss://user:password@host:6379/0: with what is special in user and password percent-encoded, and without options behind a ?';

export function mongodbUrl() {
  return beginsWith('mongodb', 'mongodb+srv')
    .refine((url) => !skipsVerification(url), { error: UNVERIFIED })
    .transform((url) => new Secret(url))
    .optional();
}

export function redisUrl() {
  return beginsWith('redis', 'rediss')
    .refine(isRedisUrl, { error: NO_REDIS })
    .transform((url) => new Secret(url))
    .optional();
}

/** Whoever names authorities means TLS, and would not see that passwords go in clear. */
export function refuseIdleAuthorities(given: NodeJS.ProcessEnv, complain: Complain): void {
  for (const prefix of ['', 'SINK_']) {
    const [redis, mongodb] = [`${prefix}REDIS`, `${prefix}MONGODB`];
    const isClearRedis = given[`${redis}_URL`]?.startsWith('redis:') === true;
    if (given[`${redis}_CA_FILE`] !== undefined && isClearRedis) {
      const cure = `begin ${redis}_URL with rediss://, or leave the file out`;
      complain(`${redis}_CA_FILE`, `is set, but nothing is encrypted: ${cure}`);
    }
    if (given[`${mongodb}_CA_FILE`] !== undefined && isInClear(given[`${mongodb}_URL`] ?? '')) {
      const cure = `put tls=true into ${mongodb}_URL, or leave the file out`;
      complain(`${mongodb}_CA_FILE`, `is set, but nothing is encrypted: ${cure}`);
    }
  }
}

function beginsWith(...schemes: readonly string[]) {
  const error = `must be a URL that begins with ${schemes.map((one) => `${one}://`).join(' or ')}`;
  return z.string().refine((url) => schemes.some((scheme) => url.startsWith(`${scheme}://`)), {
    error,
    abort: true,
  });
}

/** Options could undo how the service connects; one database has a number. */
function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || /[?#]/.test(text)) return false;
  return /^\/?\d{0,5}$/.test(url.pathname) && [url.username, url.password].every(isEncoded);
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function skipsVerification(url: string): boolean {
  return mongodbOptions(url).some(
    ([name, value]) => /^tls(?:insecure|allowinvalid)/i.test(name) && value !== 'false',
  );
}

/** Without TLS by what it says; one that says nothing of it gets TLS by its authorities. */
function isInClear(url: string): boolean {
  return mongodbOptions(url).some(
    ([name, value]) => /^(?:tls|ssl)$/i.test(name) && value !== 'true',
  );
}

/** All that may be options: a password that was not encoded may hold what they begin with. */
function mongodbOptions(url: string): readonly (readonly [string, string])[] {
  const [, ...options] = url.split(/[?&]/);
  return [...new URLSearchParams(options.join('&'))];
}
