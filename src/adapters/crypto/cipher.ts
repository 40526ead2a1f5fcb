import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { Envelope } from '../../domain/envelope.ts';
import { TamperedError, UnknownKeyError } from '../../domain/errors.ts';
import type { Cipher } from '../../ports/cipher.ts';

/** A key of the ring: its id, and 32 bytes as 64 hex digits. */
export interface CipherKey {
  readonly id: string;
  readonly key: string;
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

const KEY_HEX = /^[0-9a-f]{64}$/i;
const IV_HEX = /^[0-9a-f]{24}$/;
const TAG_HEX = /^[0-9a-f]{32}$/;
const BYTES_HEX = /^(?:[0-9a-f]{2})*$/;

/**
 * Seals with the first key and opens with all. Throws when the ring is empty, a key is not 64 hex
 * digits, or an id is empty or stands there twice.
 */
export function createCipher({ keys }: { keys: readonly CipherKey[] }): Cipher {
  const ring = createRing(keys);
  const [sealing] = ring;
  if (sealing === undefined) throw new Error('The key ring is empty');
  const [sealingId, sealingKey] = sealing;

  return {
    seal(plaintext, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, sealingKey, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const encrypted = cipher.update(plaintext, 'utf8', 'hex') + cipher.final('hex');
      const tag = cipher.getAuthTag().toString('hex');
      return { keyId: sealingId, encrypted, iv: iv.toString('hex'), tag };
    },

    open(envelope, context) {
      const key = ring.get(envelope.keyId);
      if (key === undefined) throw new UnknownKeyError(envelope.keyId);
      if (!isWellFormed(envelope)) throw new TamperedError();
      try {
        return decrypt(key, envelope, context);
      } catch {
        // No cause: what OpenSSL says would tell one way of tampering from another.
        throw new TamperedError();
      }
    },
  };
}

function createRing(keys: readonly CipherKey[]): Map<string, KeyObject> {
  const ring = new Map<string, KeyObject>();
  for (const [index, { id, key }] of keys.entries()) {
    // Named by its place: where "id:key" was split wrongly, the id is the key.
    const which = `Key ${index + 1} of the ring`;
    if (id === '') throw new Error(`${which} has no id`);
    if (!KEY_HEX.test(key)) throw new Error(`${which} is not 64 hex digits`);
    if (ring.has(id)) throw new Error(`${which} repeats an id`);
    ring.set(id, createSecretKey(key, 'hex'));
  }
  return ring;
}

// Node takes tags of 4 to 15 bytes unless it is told (a forger then needs to guess 32 bits), and
// its hex decoder stops silently at the first character that is none.
function isWellFormed({ encrypted, iv, tag }: Envelope): boolean {
  return IV_HEX.test(iv) && TAG_HEX.test(tag) && BYTES_HEX.test(encrypted);
}

function decrypt(key: KeyObject, { encrypted, iv, tag }: Envelope, context: string): string {
  const decipher = createDecipheriv(ALGORITHM, key, Buffer.from(iv, 'hex'), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(Buffer.from(tag, 'hex'));
  const bytes = [decipher.update(encrypted, 'hex'), decipher.final()];
  return Buffer.concat(bytes).toString('utf8');
}
