import type { NotificationSink, SinkFactory, SinkTarget } from '../../ports/notification-sink.ts';
import type { MongoCollectionTarget } from './mongo-collection.ts';
import type { RedisStreamTarget } from './redis-stream.ts';
import { failedTry } from './sink-answer.ts';

type Open<T extends SinkTarget> = (target: T) => NotificationSink;

/**
 * The sink of each kind. What is for a server that is no longer configured is tried again: it waits
 * until the operator gives the server back or removes the sink.
 */
export function createSinkFactory(kinds: {
  log: NotificationSink;
  webhook: Open<Extract<SinkTarget, { kind: 'webhook' }>>;
  listen: Open<Extract<SinkTarget, { kind: 'listen' }>>;
  redisStream?: Open<RedisStreamTarget> | undefined;
  mongoCollection?: Open<MongoCollectionTarget> | undefined;
}): SinkFactory {
  return (target) => {
    switch (target.kind) {
      case 'log':
        return kinds.log;
      case 'webhook':
        return kinds.webhook(target);
      case 'listen':
        return kinds.listen(target);
      case 'redis-stream':
        return kinds.redisStream?.(target) ?? NOT_CONFIGURED;
      case 'mongo-collection':
        return kinds.mongoCollection?.(target) ?? NOT_CONFIGURED;
    }
  };
}

const NOT_CONFIGURED: NotificationSink = {
  deliver: async (_event, { signal }) =>
    signal.aborted ? { outcome: 'aborted' } : failedTry('not-configured'),
};
