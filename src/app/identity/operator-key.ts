import type { Digest } from '../../ports/digest.ts';

/**
 * Tells whether a key is one of the operator's; in constant time, and only by their digests. There
 * are two while one takes the place of the other.
 */
export function createOperatorCheck(deps: {
  digest: Digest;
  keyDigests: readonly string[];
}): (key: string) => boolean {
  return (key) => deps.keyDigests.filter((digest) => deps.digest.same(key, digest)).length > 0;
}
