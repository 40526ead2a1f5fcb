import { Redis, type RedisOptions } from 'ioredis';
import { hostOf } from '../../domain/host.ts';
import type { Secret } from '../../domain/secret.ts';
import type { Clock } from '../../ports/clock.ts';
import { readAuthorities } from '../stores/authorities.ts';
import { within } from '../stores/within.ts';

/** Where a Redis is, and how long it may take. */
export interface RedisTarget {
  /** `redis://` or, with TLS and a verified certificate, `rediss://`. */
  readonly url: Secret;
  /** Of a PEM file with the certificates that are trusted instead of the machine's own; asks for TLS. */
  readonly caFile?: string | undefined;
  readonly connectTimeoutMs: number;
  /** The variables that errors name; those of the service's own Redis when it is not given. */
  readonly variables?: RedisVariables;
}

export interface RedisVariables {
  readonly url: string;
  readonly caFile: string;
}

const VARIABLES: RedisVariables = { url: 'REDIS_URL', caFile: 'REDIS_CA_FILE' };

/** What a client does while its server is away. */
type Patience = Pick<
  RedisOptions,
  'enableOfflineQueue' | 'maxRetriesPerRequest' | 'commandTimeout' | 'socketTimeout'
>;

// From the first try on; a server that is back is found within a second.
const RECONNECT_MS = 100;
const RECONNECT_MAX_MS = 1000;

// A connection on which nothing came for so long, though something was asked, is given up: after an
// outage of the network TCP itself may take minutes to find out.
const SILENCE_MS = 2000;

// How long a server that hangs may leave the end of a connection unanswered.
const FAREWELL_MS = 250;

/**
 * A client for commands that must be answered soon: while there is no connection they fail at once,
 * and a hung server fails them after `commandTimeoutMs`. One whose connection breaks is not sent
 * again: it may have been done.
 */
export function connectForCommands(target: RedisTarget, commandTimeoutMs: number): Redis {
  return connect(target, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    socketTimeout: Math.max(SILENCE_MS, commandTimeoutMs),
  });
}

/** Goes on connecting for ever; whoever has the client listens to its `error`. */
function connect(target: RedisTarget, options: Patience): Redis {
  const { variables = VARIABLES } = target;
  const url = URL.parse(target.url.reveal());
  // Said here, because the error of the parser holds what it could not parse.
  if (url === null) throw new Error(`${variables.url} is not a URL`);
  const ca = readAuthorities(target.caFile, variables.caFile);
  const tls = ca === undefined ? {} : { ca };
  const client = new Redis({
    ...options,
    ...addressOf(url),
    ...(url.protocol === 'rediss:' || ca !== undefined ? { tls } : {}),
    connectTimeout: target.connectTimeoutMs,
    disconnectTimeout: FAREWELL_MS,
    lazyConnect: true,
    // What was the master is a replica now: the next connection may find the new one.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    keepAlive: 10_000, // so that a dead connection is found that nothing is asked on
    retryStrategy: (times) => Math.min(RECONNECT_MAX_MS, RECONNECT_MS * 2 ** Math.min(times, 10)),
  });
  // Without a listener an error ends the process; whoever asks gets it from the command.
  client.on('error', () => undefined);
  return client;
}

/** Where to, and as whom. Not left to the client: with it every option of the URL wins over ours. */
function addressOf(url: URL) {
  const { port, username, password, pathname } = url;
  return {
    host: hostOf(url),
    port: Number(port || 6379),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    db: Number(pathname.slice(1)),
  };
}

/**
 * For the start: resolves when the server has answered, which it may take `limitMs` to do. Rejects
 * else, with a sentence for operators that has the address and the reason, and ends the client.
 */
export async function reachRedis(client: Redis, clock: Clock, limitMs: number): Promise<void> {
  let reason = `nothing within ${limitMs} ms`;
  const note = (error: Error & { code?: unknown }) => {
    reason = error.message || String(error.code); // of several addresses only the code is told
  };
  client.on('error', note);
  try {
    await within({ clock, ms: limitMs, store: 'redis' }, answer(client, note));
  } catch {
    client.disconnect();
    // Without a cause: the client's errors hold commands with their arguments, the password's too.
    const { host, port } = client.options;
    throw new Error(`Redis at ${host}:${port} does not answer: ${reason}; check REDIS_URL`);
  } finally {
    client.off('error', note);
  }
}

async function answer(client: Redis, note: (error: Error) => void): Promise<void> {
  if (client.status !== 'ready') {
    const ready = new Promise((resolve) => {
      client.once('ready', resolve);
    });
    // One that fails is told by an `error`, and followed by others.
    if (client.status === 'wait') client.connect().catch(() => undefined);
    await ready;
  }
  await client.ping((error) => error && note(error));
}
