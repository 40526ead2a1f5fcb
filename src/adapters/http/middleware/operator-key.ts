import type { Context } from 'koa';
import type { Digest } from '../../../ports/digest.ts';

/** Tells whether a request carries the operator's key; in constant time, and only by its digest. */
export function createOperatorCheck(deps: {
  digest: Digest;
  keyDigest: string;
}): (ctx: Context) => boolean {
  return (ctx) => deps.digest.same(ctx.get('X-API-Key'), deps.keyDigest);
}
