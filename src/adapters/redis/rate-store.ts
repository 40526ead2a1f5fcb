import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import * as z from 'zod';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { RateStore } from '../../ports/rate-store.ts';
import { CLEAR, HIT, READ, UNDO } from './rate-scripts.ts';
import { createScript } from './script.ts';

const HitReply = z.tuple([z.int().positive(), z.int().positive(), z.string()]);
const ReadReply = z.tuple([z.int().nonnegative(), z.int().positive()]).nullable();

/**
 * Shares windows between all instances on one Redis, whose clock alone counts. `maxKeysPerPolicy`
 * holds for them together. How long an answer may take is the client's `commandTimeout`; a hit that
 * was not answered may have been counted all the same. What was counted in an overflow window
 * belongs to many keys, so clearing one of them leaves it as it is.
 */
export function createRedisRateStore(deps: {
  redis: Redis;
  prefix: string;
  maxKeysPerPolicy: number;
}): RateStore {
  const { redis, maxKeysPerPolicy } = deps;
  const [hit, read, undo, clear] = [
    createScript(redis, HIT),
    createScript(redis, READ),
    createScript(redis, UNDO),
    createScript(redis, CLEAR),
  ];

  function namesOf(key: string) {
    const [policy = key] = key.split(':', 1);
    return {
      window: `${deps.prefix}:rate:window:${key}`,
      overflow: `${deps.prefix}:rate:overflow:${policy}`,
      room: `${deps.prefix}:rate:room:${policy}`,
    };
  }

  return {
    async hit(key, windowMs, cost = 1) {
      const { window, overflow, room } = namesOf(key);
      const args = [windowMs, cost, randomUUID(), maxKeysPerPolicy];
      const reply = await hit([window, overflow, room], args).catch(asUnavailable);
      const [hits, resetsInMs, windowId] = HitReply.parse(reply);
      const ticket = { key, windowId, cost, degraded: false };
      return { hits, resetsInMs, degraded: false, ticket };
    },

    async undo({ key, windowId, cost }) {
      const { window, overflow } = namesOf(key);
      await undo([window, overflow], [windowId, cost]).catch(asUnavailable);
    },

    async read(key) {
      const reply = await read([namesOf(key).window], []).catch(asUnavailable);
      const found = ReadReply.parse(reply);
      return found === null ? undefined : { hits: found[0], resetsInMs: found[1], degraded: false };
    },

    async clear(key) {
      const { window, room } = namesOf(key);
      await clear([window, room], []).catch(asUnavailable);
    },
  };
}

function asUnavailable(cause: unknown): never {
  throw new StoreUnavailableError('redis rate store', cause);
}
