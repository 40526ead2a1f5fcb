import type { Redis } from 'ioredis';
import { renderCloudEvent } from '../../domain/delivery/cloud-event.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NotificationSink, SinkAnswer, SinkTarget } from '../../ports/notification-sink.ts';
import { boundedTry } from './bounded-try.ts';
import { failedTry, refusedTry } from './sink-answer.ts';

export type RedisStreamTarget = Extract<SinkTarget, { kind: 'redis-stream' }>;

export interface RedisStreamOptions {
  /** Fails fast while it has no connection; whoever gives it closes it. */
  readonly redis: Redis;
  readonly clock: Clock;
  /** For a whole try; 15 s. */
  readonly timeoutMs?: number;
  /** Entries of a stream; the oldest go, a node (100) at once. 100,000. */
  readonly maxLength?: number;
}

/**
 * Adds each event to the end of a stream, `sallyport:<organizationId>:<stream>`: `id` of the event,
 * the event itself as a webhook gets it, and the id of its delivery. A repeat is one more entry.
 */
export function createRedisStreamSinks(options: RedisStreamOptions) {
  const { redis, clock, timeoutMs = 15_000, maxLength = 100_000 } = options;

  return function openRedisStream({ organizationId, stream }: RedisStreamTarget): NotificationSink {
    // Neither name has a colon, so no two organisations meet in one key.
    const key = `sallyport:${organizationId}:${stream}`;
    return {
      deliver(event, { deliveryId, signal }) {
        const fields = ['id', event.id, 'event', renderCloudEvent(event), 'delivery', deliveryId];
        const add = () => redis.xadd(key, 'MAXLEN', '~', maxLength, '*', ...fields);
        return boundedTry(add, judge, { clock, timeoutMs, signal });
      },
    };
  };
}

/** What ioredis failed with: an answer of Redis, its own `commandTimeout`, or no connection. */
function judge(error: unknown): SinkAnswer {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name !== 'ReplyError') {
    return failedTry(message === 'Command timed out' ? 'timeout' : 'connection');
  }
  const [, code = 'error'] = /^([A-Z]+) /.exec(message) ?? [];
  // The key holds something else, and will. All other refusals end: memory, replicas, a failover.
  return refusedTry(
    code === 'WRONGTYPE' ? 'dead' : 'retry',
    `redis-${code.toLowerCase()}`,
    message,
  );
}
