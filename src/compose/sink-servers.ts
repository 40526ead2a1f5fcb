import { prepareMongo } from '../adapters/mongo/database.ts';
import { connectForCommands } from '../adapters/redis/connect.ts';
import { createMongoCollectionSinks } from '../adapters/sinks/mongo-collection.ts';
import { createRedisStreamSinks } from '../adapters/sinks/redis-stream.ts';
import type { Config } from '../config.ts';
import type { SinkKind } from '../domain/delivery/sink.ts';
import type { Ambient } from './basics.ts';
import type { SinkServers } from './no-sink-servers.ts';

// As for a webhook.
const TRY_MS = 15_000;

/**
 * The servers that sinks write to, where the operator has given them. Whether they are there shows
 * when something is delivered: it must keep nobody from being answered.
 */
export async function openSinkServers(config: Config, { clock }: Ambient): Promise<SinkServers> {
  const { mongodbUrl, mongodbCaFile, redisUrl, redisCaFile } = config.sinkServers;
  const opened = new AsyncDisposableStack();
  const served: SinkKind[] = [];
  const mongo =
    mongodbUrl &&
    (await prepareMongo({
      ...config.mongodb,
      url: mongodbUrl,
      caFile: mongodbCaFile,
      variables: { url: 'SINK_MONGODB_URL', caFile: 'SINK_MONGODB_CA_FILE' },
      timeoutMs: TRY_MS,
      clock,
    }));
  if (mongo !== undefined) {
    opened.defer(() => mongo.close());
    served.push('mongo-collection');
  }
  const redis = redisUrl && {
    ...config.redis,
    url: redisUrl,
    caFile: redisCaFile,
    variables: { url: 'SINK_REDIS_URL', caFile: 'SINK_REDIS_CA_FILE' },
  };
  const client = redis && connectForCommands(redis, TRY_MS);
  if (client !== undefined) {
    opened.defer(() => client.disconnect());
    served.push('redis-stream');
    // Goes on trying; until then deliveries are tried again.
    client.connect().catch(() => undefined);
  }
  return {
    served,
    mongoCollection: mongo && createMongoCollectionSinks({ db: mongo.db, clock }),
    redisStream: client && createRedisStreamSinks({ redis: client, clock }),
    close: () => opened.disposeAsync(),
  };
}
