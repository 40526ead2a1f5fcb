import type { Redis } from 'ioredis';
import type { Clock } from '../../ports/clock.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';

const KEPT_MS = 60_000;

/** Writes a key, since a Redis that refuses writes answers all else. Not critical: without it, limits are counted in memory and delivery pauses. */
export function createRedisProbe(deps: {
  redis: Redis;
  prefix: string;
  clock: Clock;
}): HealthProbe {
  const { redis, clock } = deps;
  const key = `${deps.prefix}:probe`;
  return {
    name: 'redis',
    critical: false,
    async check(signal) {
      const startedAt = clock.now();
      try {
        await Promise.race([redis.set(key, '1', 'PX', KEPT_MS), aborted(signal)]);
        return { status: 'healthy', latencyMs: clock.now() - startedAt };
      } catch {
        const latencyMs = clock.now() - startedAt;
        return { status: 'unhealthy', latencyMs, detail: 'redis does not take writes' };
      }
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error('no answer in time'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
