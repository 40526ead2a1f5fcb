import { hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Digest } from '../../ports/digest.ts';

const SHA256_HEX = /^[0-9a-f]{64}$/;
// 128 bits: below that a token can be guessed (ASVS V11.5.1).
const MIN_TOKEN_BYTES = 16;

/** Digests by node:crypto; synchronous, microseconds each. */
export function createDigest(): Digest {
  return {
    sha256,
    same: (text, digest) => sameDigest(sha256(text), digest),
    sameDigest,

    randomToken(bytes) {
      if (bytes < MIN_TOKEN_BYTES)
        throw new RangeError(`a token has ${MIN_TOKEN_BYTES} bytes or more`);
      return randomBytes(bytes).toString('base64url');
    },

    randomId: () => randomUUID(),
  };
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

function sameDigest(a: string, b: string): boolean {
  if (!SHA256_HEX.test(a) || !SHA256_HEX.test(b)) return false;
  return timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}
