import type { Clock } from '../../ports/clock.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';
import type { SqliteThread } from './thread-client.ts';

/** Asks writing threads whether they take a transaction now; healthy when all of them do. */
export function createThreadProbe(
  name: string,
  threads: readonly SqliteThread[],
  clock: Clock,
): HealthProbe {
  return {
    name,
    critical: true,
    async check(signal) {
      const startedAt = clock.now();
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('no answer in time')), {
          once: true,
        });
      });
      const pings = Promise.all(threads.map((thread) => thread.call('ping', null)));
      try {
        await Promise.race([pings, aborted]);
        return { status: 'healthy', latencyMs: clock.now() - startedAt };
      } catch {
        const latencyMs = clock.now() - startedAt;
        return { status: 'unhealthy', latencyMs, detail: 'the store does not answer' };
      }
    },
  };
}
