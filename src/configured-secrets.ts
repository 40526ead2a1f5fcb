import { createHash } from 'node:crypto';
import { Secret } from './domain/secret.ts';

/** One key of the ring: AES-256, 64 hex digits. */
export interface EncryptionKey {
  readonly id: string;
  readonly key: Secret;
}

/** The secrets of the environment; `undefined` where none was given. */
export interface ConfiguredSecrets {
  /** The first seals, all open. */
  readonly encryptionKeys: readonly EncryptionKey[] | undefined;
  readonly operatorApiKey: Secret | undefined;
}

/** Notes what is wrong with a variable, in words that do not quote its value. */
export type Complain = (variable: string, problem: string) => void;

const MAKE_ONE = 'make one with: openssl rand -hex 32';
const A_RING = 'k1:$(openssl rand -hex 32)';
const MIN_LENGTH = 32;
// Words of samples, and values that are a short piece said again and again.
const SAMPLE = /change-?_?me|example|sample|placeholder|your[-_]|password|^(.{1,16})\1+$/i;

/** Reads the secrets. In production they must be there, and be worth their name. */
export function readSecrets(
  env: Readonly<Record<string, string | undefined>>,
  production: boolean,
  complain: Complain,
): ConfiguredSecrets {
  const [ring, bare, operator] = [
    env['ENCRYPTION_KEYS'],
    env['ENCRYPTION_KEY'],
    env['OPERATOR_API_KEY'],
  ];
  const encryptionKeys = readKeys(ring, bare, complain);
  if (operator !== undefined && !/^[\x21-\x7e]+$/.test(operator)) {
    complain('OPERATOR_API_KEY', 'must be visible ASCII without spaces, as it travels in a header');
  }
  if (production) {
    const keys = ring?.split(',').map((entry) => entry.slice(entry.indexOf(':') + 1).trim());
    demandWorthy(
      [
        ['ENCRYPTION_KEYS', keys ?? (bare === undefined ? [] : undefined)],
        ['ENCRYPTION_KEY', bare === undefined ? undefined : [bare]],
        ['OPERATOR_API_KEY', operator === undefined ? [] : [operator]],
      ],
      complain,
    );
  }
  return {
    encryptionKeys,
    operatorApiKey: operator === undefined ? undefined : new Secret(operator),
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

/** `undefined` values are not asked for; an empty list is a secret that is missing. */
function demandWorthy(
  secrets: readonly (readonly [string, readonly string[] | undefined])[],
  complain: Complain,
): void {
  const owners = new Map<string, string>();
  for (const [variable, values] of secrets) {
    if (values?.length === 0) {
      const remedy = variable === 'ENCRYPTION_KEYS' ? `set it to: ${A_RING}` : MAKE_ONE;
      complain(variable, `is missing; ${remedy}`);
    }
    for (const value of values ?? []) {
      if (value.length < MIN_LENGTH) {
        complain(variable, `is shorter than ${MIN_LENGTH} characters; ${MAKE_ONE}`);
      }
      if (SAMPLE.test(value)) complain(variable, `is a sample, known to everybody; ${MAKE_ONE}`);
      const owner = owners.get(value.toLowerCase());
      if (owner !== undefined) complain(variable, `repeats a value of ${owner}; ${MAKE_ONE}`);
      owners.set(value.toLowerCase(), variable);
    }
  }
}
