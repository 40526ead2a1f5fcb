import type { SinkKind } from '../domain/delivery/sink.ts';
import type { NotificationSink, SinkTarget } from '../ports/notification-sink.ts';

/** What sinks of the kinds that need a server are made of. */
export interface SinkServers {
  /** Kinds whose server was given. */
  readonly served: readonly SinkKind[];
  readonly mongoCollection: Open<'mongo-collection'> | undefined;
  readonly redisStream: Open<'redis-stream'> | undefined;
  close(): Promise<void>;
}

type Open<K extends SinkKind> = (target: Extract<SinkTarget, { kind: K }>) => NotificationSink;

export const NO_SINK_SERVERS: SinkServers = {
  served: [],
  mongoCollection: undefined,
  redisStream: undefined,
  close: async () => undefined,
};
