import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { createBullmqJobQueue } from '../../src/adapters/bullmq/job-queue.ts';
import { connectForCommands } from '../../src/adapters/redis/connect.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Hint, JobQueue, Worker } from '../../src/ports/job-queue.ts';
import type { LogFields } from '../../src/ports/log.ts';

const TIMEOUT_MS = 1000;

/** A client for commands, as compose hands it to the queue. */
export function connectTo(url: string): Redis {
  return connectForCommands({ url: new Secret(url), connectTimeoutMs: 2000 }, TIMEOUT_MS);
}

/** One instance's queue, with what it logged; `vanish` cuts it off from Redis as its death would. */
export async function openBullmqQueue(
  url: string,
  prefix: string,
  options: { maxPerLane?: number; clock?: Clock } = {},
) {
  const client = connectTo(url);
  const warnings: LogFields[] = [];
  const errors: LogFields[] = [];
  const queue = createBullmqJobQueue({
    connect: { commands: () => client },
    clock: systemClock,
    ...options,
    log: {
      debug: () => undefined,
      info: () => undefined,
      warn: (fields) => void warnings.push(fields),
      error: (fields) => void errors.push(fields),
    },
    prefix,
  });
  await once(client, 'ready');
  return { queue, warnings, errors, vanish: () => client.disconnect() };
}

export function hintOf(lane: string, wanted: Partial<Hint> = {}): Hint {
  return {
    kind: 'deliver',
    id: randomUUID(),
    generation: 0,
    lane,
    dueAt: Date.now(),
    ...wanted,
  };
}

/** A worker that is done at once, but for what is given. */
export function workDeliveries(queue: JobQueue, worker: Partial<Worker>): void {
  queue.work('deliver', {
    handle: async () => undefined,
    lane: () => ({ concurrency: 20, waitMs: 0 }),
    drained: () => undefined,
    ...worker,
  });
}

/** Removes all keys of a prefix. */
export async function removeKeys(redis: Redis, prefix: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    if (Array.isArray(keys) && keys.length > 0) await redis.del(...keys);
  }
}
