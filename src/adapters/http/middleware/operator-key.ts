import type { Context } from 'koa';
import type { Digest } from '../../../ports/digest.ts';

/**
 * Tells whether a request carries one of the operator's keys; in constant time, and only by their
 * digests. There are two while one takes the place of the other.
 */
export function createOperatorCheck(deps: {
  digest: Digest;
  keyDigests: readonly string[];
}): (ctx: Context) => boolean {
  return (ctx) => {
    const shown = ctx.get('X-API-Key');
    return deps.keyDigests.filter((digest) => deps.digest.same(shown, digest)).length > 0;
  };
}
