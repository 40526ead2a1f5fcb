import type { Clock } from '../../ports/clock.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';
import type { MongoDatabase } from './database.ts';

/** Asks MongoDB whether it answers; without it the service can do nothing. */
export function createMongoProbe({ db, run }: MongoDatabase, clock: Clock): HealthProbe {
  return {
    name: 'mongodb',
    critical: true,
    async check(signal) {
      const startedAt = clock.now();
      const aborted = new Promise<never>((_, reject) => {
        const giveUp = () => reject(new Error('no answer in time'));
        if (signal.aborted) giveUp();
        signal.addEventListener('abort', giveUp, { once: true });
      });
      try {
        // The driver gets the signal as well, so that no connection stays with an old question.
        await Promise.race([run(() => db.command({ ping: 1 }, { signal })), aborted]);
        return { status: 'healthy', latencyMs: clock.now() - startedAt };
      } catch {
        const latencyMs = clock.now() - startedAt;
        return { status: 'unhealthy', latencyMs, detail: 'MongoDB does not answer' };
      }
    },
  };
}
