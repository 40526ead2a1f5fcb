import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Runs a script on keys and arguments; gives what Redis answered, unread. */
export type Script = (
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>;

/** A script by its digest, as Redis calls it; the text is sent when Redis does not know it (any more). */
export function createScript(redis: Redis, lua: string): Script {
  const digest = createHash('sha1').update(lua).digest('hex');

  return async function run(keys, args) {
    try {
      return await redis.evalsha(digest, keys.length, ...keys, ...args);
    } catch (error) {
      // Nothing has been done then, so that doing it now does not do it twice.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(lua, keys.length, ...keys, ...args);
    }
  };
}
