import { createBullmqJobQueue } from '../adapters/bullmq/job-queue.ts';
import { createMemoryRateStore } from '../adapters/memory/rate-store.ts';
import { openMongoStore } from '../adapters/mongo/store.ts';
import { connectForCommands, reachRedis } from '../adapters/redis/connect.ts';
import { createFailoverRateStore } from '../adapters/redis/failover-rate-store.ts';
import { createRedisProbe } from '../adapters/redis/probe.ts';
import { createRedisRateStore } from '../adapters/redis/rate-store.ts';
import { LANE_HINTS } from '../app/delivery/sweep.ts';
import type { Config, ServersConfig } from '../config.ts';
import type { CircuitBreakers } from '../ports/circuit-breakers.ts';
import type { Surroundings } from './basics.ts';
import { guardStores } from './guarded-stores.ts';
import { RATE_KEYS_PER_POLICY, type Stores } from './stores.ts';

// Nobody is held up by it for longer; see design §6, "Limits".
const RATE_TIMEOUT_MS = 250;
// Of a command; adding thousands of jobs may take its while.
const COMMAND_TIMEOUT_MS = 2000;
const REACH_MS = 5000;
// No organisation's name, or a queue's keys could be those of a stream of its sinks.
const PREFIX = 'sallyport.internal';

/**
 * MongoDB keeps what has to be kept; Redis counts and moves work. Rejects, with a sentence that names
 * the server, when one of them does not answer at the start; later it may go and come back.
 */
export async function openServerStores(
  config: Config,
  { mongodbUrl, redisUrl }: ServersConfig,
  { clock, log, metrics, breakers }: Surroundings & { readonly breakers: CircuitBreakers },
): Promise<Stores> {
  const opened = new AsyncDisposableStack();
  const redis = { ...config.redis, url: redisUrl };
  try {
    const store = await openMongoStore({
      ...config.mongodb,
      url: mongodbUrl,
      timeoutMs: config.storeTimeoutMs,
      clock,
      log,
      observe: ({ operation, collection, seconds }) =>
        metrics.observe('db_query_duration_seconds', { operation, collection }, seconds),
    });
    opened.defer(() => store.close());
    const counting = connectForCommands(redis, COMMAND_TIMEOUT_MS);
    opened.defer(() => counting.disconnect());
    await reachRedis(counting, clock, REACH_MS);
    const rates = createFailoverRateStore({
      shared: createRedisRateStore({
        redis: counting,
        prefix: PREFIX,
        maxKeysPerPolicy: RATE_KEYS_PER_POLICY,
      }),
      local: createMemoryRateStore({ clock, maxKeysPerPolicy: RATE_KEYS_PER_POLICY }),
      breakers,
      clock,
      log,
      timeoutMs: RATE_TIMEOUT_MS,
    });
    opened.defer(() => rates.close());
    const queue = createBullmqJobQueue({
      connect: { commands: () => connectForCommands(redis, COMMAND_TIMEOUT_MS) },
      clock,
      log,
      prefix: PREFIX,
      maxPerLane: LANE_HINTS,
    });
    opened.defer(() => queue.close());
    const redisProbe = createRedisProbe({ redis: counting, prefix: PREFIX, clock });
    return {
      ...guardStores(store, { name: 'mongodb', probe: store.probe, config, breakers, clock }),
      exclusive: false,
      breakers,
      queue,
      rates,
      isRateStoreDegraded: () => rates.isDegraded(),
      // The service writes to no disk of its own; that of MongoDB is MongoDB's to watch.
      disk: { freeBytes: async () => Number.POSITIVE_INFINITY },
      probes: () => [store.probe, { ...redisProbe, critical: config.readinessStrict }],
      isBusy: () => false,
      close: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}
