import type { Redis } from 'ioredis';
import type { Clock } from '../../ports/clock.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';

/** Asks Redis for an answer. Not critical: without it, limits are counted in memory and delivery pauses. */
export function createRedisProbe(deps: { redis: Redis; clock: Clock }): HealthProbe {
  const { redis, clock } = deps;
  return {
    name: 'redis',
    critical: false,
    async check(signal) {
      const startedAt = clock.now();
      try {
        await Promise.race([redis.ping(), aborted(signal)]);
        return { status: 'healthy', latencyMs: clock.now() - startedAt };
      } catch {
        const latencyMs = clock.now() - startedAt;
        return { status: 'unhealthy', latencyMs, detail: 'redis does not answer' };
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
