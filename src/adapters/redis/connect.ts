import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import type { Secret } from '../../domain/secret.ts';

/** Where a Redis is, and how long it may take. */
export interface RedisTarget {
  /** `redis://` or, with TLS and a verified certificate, `rediss://`. */
  readonly url: Secret;
  /** Of a PEM file with the certificates that are trusted instead of the machine's own. */
  readonly caFile?: string | undefined;
  readonly connectTimeoutMs: number;
}

/** What a client does while its server is away. */
type Patience = Pick<
  RedisOptions,
  'enableOfflineQueue' | 'maxRetriesPerRequest' | 'commandTimeout'
>;

// From the first try on; a server that is back is found within a second.
const RECONNECT_MS = 100;
const RECONNECT_MAX_MS = 1000;

/**
 * A client for commands that must be answered soon: while there is no connection they fail at once,
 * and a hung server fails them after `commandTimeoutMs`.
 */
export function connectForCommands(target: RedisTarget, commandTimeoutMs: number): Redis {
  return connect(target, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
  });
}

/** A client for commands that wait at the server, as workers of queues do. */
export function connectForWaiting(target: RedisTarget): Redis {
  return connect(target, { maxRetriesPerRequest: null });
}

/** Goes on connecting for ever; whoever has the client listens to its `error`. */
function connect({ url, caFile, connectTimeoutMs }: RedisTarget, options: Patience): Redis {
  const { protocol } = new URL(url.reveal());
  const tls = caFile === undefined ? {} : { ca: readFileSync(caFile) };
  const client = new Redis(url.reveal(), {
    ...options,
    ...(protocol === 'rediss:' ? { tls } : {}),
    connectTimeout: connectTimeoutMs,
    lazyConnect: true,
    // A connection that goes silent while something waits on it is a dead one.
    keepAlive: 10_000,
    retryStrategy: (times) => Math.min(RECONNECT_MAX_MS, RECONNECT_MS * 2 ** Math.min(times, 10)),
  });
  // Without a listener an error ends the process; whoever asks gets it from the command.
  client.on('error', () => undefined);
  return client;
}
