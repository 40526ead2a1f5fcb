import { createHash } from 'node:crypto';
import {
  isGuessable,
  isPredictable,
  isSample,
  MIN_PASSWORD,
} from './domain/identity/secret-strength.ts';
import { Secret } from './domain/secret.ts';
import { splitList } from './environment-fields.ts';
import { passwordsIn } from './secrets-in.ts';

/** One key of the ring: AES-256, 64 hex digits. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: Secret;
}

/** The secrets of the environment; `undefined` where none was given. */
export interface ConfiguredSecrets {
  /** The first seals, all open. */
  readonly encryptionKeys: readonly EncryptionKey[] | undefined;
  /** All are taken; the first is what the command shows. */
  readonly operatorApiKeys: readonly Secret[] | undefined;
  /** Of each list the first signs, all verify. */
  readonly signing: Readonly<Record<SigningSecretName, readonly Secret[] | undefined>>;
  readonly graphClientSecret: Secret | undefined;
}

export type SigningSecretName = 'accessToken' | 'refreshToken' | 'presignedUrl' | 'session';

/** Notes what is wrong with a variable, in words that do not quote its value. */
export type Complain = (variable: string, problem: string) => void;

type Environment = Readonly<Record<string, string | undefined>>;

const MAKE_ONE = 'make one with: openssl rand -hex 32';
const A_RING = 'k1:$(openssl rand -hex 32)';
const MIN_LENGTH = 32;
const GUESSABLE = `holds what is guessed at once, or has fewer than ${MIN_PASSWORD} characters; change it, here and where it comes from`;

const SIGNING_VARIABLES: Readonly<Record<SigningSecretName, string>> = {
  accessToken: 'ACCESS_TOKEN_SECRETS',
  refreshToken: 'REFRESH_TOKEN_SECRETS',
  presignedUrl: 'PRESIGNED_URL_SECRETS',
  session: 'SESSION_SECRETS',
};

/** Reads the secrets. In production they must be there, and be worth their name. */
export function readSecrets(
  env: Environment,
  production: boolean,
  complain: Complain,
): ConfiguredSecrets {
  const { ENCRYPTION_KEYS: ring, ENCRYPTION_KEY: bare, OPERATOR_API_KEY: operator } = env;
  const encryptionKeys = readKeys(ring, bare, complain);
  if (!splitList(operator ?? '').every((key) => /^[\x21-\x7e]+$/.test(key))) {
    complain('OPERATOR_API_KEY', 'must be visible ASCII without spaces, as it travels in a header');
  }
  if (production) demandWorthySecrets(env, complain);
  const listOf = (variable: string) => {
    const text = env[variable];
    const secrets = splitList(text ?? '').map((value) => new Secret(value));
    if (secrets.length > 0) return secrets;
    // Commas alone are not "none": whoever wrote them would get a generated one.
    if (text !== undefined) complain(variable, `is a list with nothing in it; ${MAKE_ONE}`);
    return undefined;
  };
  const graph = env['GRAPH_CLIENT_SECRET'];
  return {
    encryptionKeys,
    operatorApiKeys: listOf('OPERATOR_API_KEY'),
    signing: {
      accessToken: listOf(SIGNING_VARIABLES.accessToken),
      refreshToken: listOf(SIGNING_VARIABLES.refreshToken),
      presignedUrl: listOf(SIGNING_VARIABLES.presignedUrl),
      session: listOf(SIGNING_VARIABLES.session),
    },
    graphClientSecret: graph === undefined ? undefined : new Secret(graph),
  };
}

/** A bare key is known by the first 8 hex digits of its SHA-256, so that rotation can name it. */
export function bareEncryptionKey(key: Secret): EncryptionKey {
  const digest = createHash('sha256').update(key.reveal().toLowerCase()).digest('hex');
  return { id: digest.slice(0, 8), key };
}

function readKeys(
  ring: string | undefined,
  bare: string | undefined,
  complain: Complain,
): readonly EncryptionKey[] | undefined {
  if (ring !== undefined && bare !== undefined) {
    complain('ENCRYPTION_KEY', 'is set beside ENCRYPTION_KEYS: leave one of the two out');
  }
  if (ring === undefined) {
    if (bare === undefined) return undefined;
    if (!isKey(bare)) complain('ENCRYPTION_KEY', `must be 64 hex digits; ${MAKE_ONE}`);
    return [bareEncryptionKey(new Secret(bare))];
  }
  const keys = ring.split(',').map((entry) => {
    const [, id, key] = /^\s*([\w.-]{1,32}):([0-9a-f]{64})\s*$/i.exec(entry) ?? [];
    return id === undefined || key === undefined ? undefined : { id, key: new Secret(key) };
  });
  const good = keys.filter((key) => key !== undefined);
  if (good.length < keys.length) {
    complain('ENCRYPTION_KEYS', `must be id:64-hex-digits, comma-separated, such as ${A_RING}`);
  }
  if (new Set(good.map(({ id }) => id)).size < good.length) {
    complain('ENCRYPTION_KEYS', 'has two keys of one id: give each its own');
  }
  return good;
}

function isKey(text: string): boolean {
  return /^[0-9a-f]{64}$/i.test(text);
}

/**
 * Secrets of ours must be there, long, and the outcome of chance; what others have made only must not
 * be a sample or guessed at once. No value may stand for two things, or whoever learns the one has the other.
 */
function demandWorthySecrets(env: Environment, complain: Complain): void {
  if (env['ENCRYPTION_KEYS'] === undefined && env['ENCRYPTION_KEY'] === undefined) {
    complain('ENCRYPTION_KEYS', `is missing; set it to: ${A_RING}`);
  }
  if (env['OPERATOR_API_KEY'] === undefined) {
    complain('OPERATOR_API_KEY', `is missing; ${MAKE_ONE}`);
  }
  const owners = new Map<string, string>();
  for (const [variable, value] of ourSecrets(env)) {
    const problem = weaknessOf(value);
    if (problem !== undefined) complain(variable, `${problem}; ${MAKE_ONE}`);
    const owner = owners.get(value.toLowerCase());
    if (owner !== undefined) complain(variable, `repeats a value of ${owner}; ${MAKE_ONE}`);
    else owners.set(value.toLowerCase(), variable);
  }
  for (const [variable, readings] of othersSecrets(env)) {
    const [value] = readings;
    if (value === undefined) continue;
    if (isSample(value)) complain(variable, 'holds a sample, known to everybody: set a real one');
    else if (isGuessable(value)) complain(variable, GUESSABLE);
    const owner = readings.map((one) => owners.get(one.toLowerCase())).find(Boolean);
    if (owner !== undefined) complain(variable, `holds a value of ${owner}: set another one`);
  }
}

function weaknessOf(value: string): string | undefined {
  if (isSample(value)) return 'is a sample, known to everybody';
  if (value.length < MIN_LENGTH) return `is shorter than ${MIN_LENGTH} characters`;
  return isPredictable(value) ? 'is too regular to be the outcome of chance' : undefined;
}

/** Each value of each list, and whose it is. */
function ourSecrets(env: Environment): readonly (readonly [string, string])[] {
  const lists = ['ENCRYPTION_KEY', 'OPERATOR_API_KEY', ...Object.values(SIGNING_VARIABLES)];
  const valuesOf = (variable: string) => splitList(env[variable] ?? '');
  return [
    ...valuesOf('ENCRYPTION_KEYS').map(
      (entry) => ['ENCRYPTION_KEYS', entry.slice(entry.indexOf(':') + 1)] as const,
    ),
    ...lists.flatMap((variable) => valuesOf(variable).map((value) => [variable, value] as const)),
  ];
}

/** What other systems gave, in all its readings: that it is long is not ours to demand. */
function othersSecrets(env: Environment): readonly (readonly [string, readonly string[]])[] {
  const urls = ['MONGODB_URL', 'REDIS_URL', 'SINK_MONGODB_URL', 'SINK_REDIS_URL'];
  const graph = env['GRAPH_CLIENT_SECRET'];
  return [
    ['GRAPH_CLIENT_SECRET', graph === undefined ? [] : [graph]],
    ...urls.map((name) => [name, passwordsIn(env[name] ?? '')] as const),
  ];
}
