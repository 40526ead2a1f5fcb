import { checkServerIdentity } from 'node:tls';
import { MongoClient, ReadConcern, type Db } from 'mongodb';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { Secret } from '../../domain/secret.ts';
import type { Clock } from '../../ports/clock.ts';
import { readAuthorities } from '../stores/authorities.ts';
import { within } from '../stores/within.ts';
import { MongoOpenError } from './open-error.ts';

/** Bounds of what goes to one MongoDB. Durations in milliseconds. */
export interface MongoOptions {
  readonly url: Secret;
  /** Of a PEM file with the certificates that are trusted instead of the machine's own; asks for TLS. */
  readonly caFile?: string | undefined;
  /** Connections at most; operations beyond wait for one. */
  readonly maxPoolSize: number;
  /** How long an operation waits for a connection. */
  readonly waitQueueTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** How long a server that can be written to is looked for. */
  readonly selectionTimeoutMs: number;
  /** How long a whole operation may take, whatever it waits for. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** The variables that errors name; those of the service's own MongoDB when it is not given. */
  readonly variables?: MongoVariables;
  /** Told of each command that has an answer, a refusal included. */
  readonly observe?: ((command: ObservedCommand) => void) | undefined;
}

export interface MongoVariables {
  readonly url: string;
  readonly caFile: string;
}

const VARIABLES: MongoVariables = { url: 'MONGODB_URL', caFile: 'MONGODB_CA_FILE' };

export interface ObservedCommand {
  /** Such as `insert` or `findAndModify`. */
  readonly operation: string;
  /** Empty for commands that are about none. */
  readonly collection: string;
  readonly seconds: number;
}

/** One database of a MongoDB; every operation goes through `run`. */
export interface MongoDatabase {
  readonly db: Db;
  /** `host:port` of each server that the URL names; nothing of it is secret. */
  readonly servers: string;
  readonly clock: Clock;
  /**
   * Runs an operation. Rejects with `StoreUnavailableError` when it fails for whatever reason but a
   * duplicate key, when it has no answer in time (it may still happen then), and at once when as
   * many wait as may.
   */
  run<T>(operation: () => Promise<T>): Promise<T>;
  /** Connections that are in use, and those that are open and idle. */
  connections(): { readonly active: number; readonly idle: number };
  close(): Promise<void>;
}

/** The name of the database when the URL has none. */
const DATABASE = 'sallyport';

// Beside the choice of a server: what a name server may take.
const LOOK_UP_MS = 2000;

// For each connection so many may wait: more than a second's worth would time out anyway.
const WAITING_PER_CONNECTION = 100;

// Without an answer for so long the client is made anew; longer than an operation may take.
const SILENT_MS = 6000;

/**
 * A database that need not be there yet: its first operation connects, and fails while it is away.
 * Rejects only when URL or CA cannot be read at all.
 */
export async function prepareMongo(
  options: MongoOptions,
): Promise<{ readonly db: Db; close(): Promise<void> }> {
  const client = createClient(options);
  return { db: databaseOf(client, options.url.reveal()), close: () => client.close() };
}

/**
 * Connects; rejects with a `MongoOpenError` when no server can be used within the time it takes to
 * select one, whatever the reason.
 */
export async function openMongo(options: MongoOptions): Promise<MongoDatabase> {
  const { clock, timeoutMs, maxPoolSize } = options;
  const connectMs = options.selectionTimeoutMs + LOOK_UP_MS;
  const client = createClient(options);
  const { hosts, srvHost } = client.options;
  const servers = srvHost ?? hosts.join(', ');
  let [active, open, running] = [0, 0, 0];
  client.on('connectionCreated', () => (open += 1));
  client.on('connectionClosed', () => (open -= 1));
  client.on('connectionCheckedOut', () => (active += 1));
  client.on('connectionCheckedIn', () => (active -= 1));
  if (options.observe !== undefined) observeCommands(client, options.observe);
  let closed = false;

  /** The driver's own limits do not hold for the look-up of what a URL of SRV names. */
  async function connect(): Promise<void> {
    const connecting = client.connect();
    // One that was given up may come about later, and would stay open.
    const late = connecting.then(() => (closed ? client.close() : undefined));
    late.catch(() => undefined);
    await within({ clock, ms: connectMs, store: 'mongodb' }, connecting);
  }

  try {
    await connect();
  } catch (error) {
    closed = true;
    await client.close();
    throw new MongoOpenError(servers, error instanceof StoreUnavailableError ? error.cause : error);
  }

  let answeredAt = clock.now();
  let reconnecting: Promise<void> | undefined;

  /**
   * The driver's monitor of a server that was cut off may stay silent for good, and then no server is
   * selected any more though it is there: a new one finds it. What is under way fails, as it would.
   */
  async function reconnect(): Promise<void> {
    try {
      await client.close();
      if (!closed) await connect();
    } catch {
      // The next operation that fails tries again.
    } finally {
      reconnecting = undefined;
    }
  }

  function failed(): void {
    if (closed || clock.now() - answeredAt < SILENT_MS) return;
    reconnecting ??= reconnect();
  }

  return {
    db: databaseOf(client, options.url.reveal()),
    servers,
    clock,

    async run(operation) {
      if (running >= maxPoolSize * WAITING_PER_CONNECTION) {
        throw new StoreUnavailableError('mongodb', new Error('too many operations wait'));
      }
      running += 1;
      try {
        // The driver's own limits do not end what hangs in a server that still holds its connection.
        const result = await within({ clock, ms: timeoutMs, store: 'mongodb' }, operation());
        answeredAt = clock.now();
        return result;
      } catch (error) {
        if (!isDuplicate(error)) failed();
        throw error instanceof StoreUnavailableError || isDuplicate(error)
          ? error
          : new StoreUnavailableError('mongodb', error);
      } finally {
        running -= 1;
      }
    },

    connections: () => ({ active, idle: Math.max(0, open - active) }),

    async close() {
      closed = true;
      await reconnecting;
      await client.close();
    },
  };
}

function createClient(options: MongoOptions): MongoClient {
  const { variables = VARIABLES } = options;
  const ca = readAuthorities(options.caFile, variables.caFile);
  try {
    return new MongoClient(options.url.reveal(), {
      appName: 'sallyport',
      monitorCommands: options.observe !== undefined,
      maxPoolSize: options.maxPoolSize,
      waitQueueTimeoutMS: options.waitQueueTimeoutMs,
      connectTimeoutMS: options.connectTimeoutMs,
      serverSelectionTimeoutMS: options.selectionTimeoutMs,
      // A connection whose server hangs is given up, so that it does not hold its place for ever.
      socketTimeoutMS: options.timeoutMs,
      // Said although they are the defaults: options of the URL, such as tlsInsecure, lose against them.
      rejectUnauthorized: true,
      checkServerIdentity,
      // Whoever names a CA means TLS; without saying so the driver would go on in clear.
      ...(ca === undefined ? {} : { tls: true, ca }),
    });
  } catch {
    // What the driver says of it may quote the URL, and so the password.
    throw new Error(
      `${variables.url} is not a URL that MongoDB takes: it looks like ` +
        'mongodb://user:password@host:27017/name?tls=true, with what is special in user and ' +
        'password percent-encoded, and may have no options that the driver does not know',
    );
  }
}

/** By the driver's own clock: from the command's sending to its answer. */
function observeCommands(client: MongoClient, observe: (command: ObservedCommand) => void): void {
  const collections = new Map<number, string>();
  const ended = (event: { requestId: number; commandName: string; duration: number }) => {
    const collection = collections.get(event.requestId) ?? '';
    collections.delete(event.requestId);
    observe({ operation: event.commandName, collection, seconds: event.duration / 1000 });
  };
  client.on('commandStarted', ({ requestId, commandName, command }) => {
    const named: unknown = command[commandName] === 1 ? '' : command[commandName];
    collections.set(requestId, typeof named === 'string' ? named : '');
  });
  client.on('commandSucceeded', ended);
  client.on('commandFailed', ended);
}

/** Inserts by `insert`; `false`, and nothing written, when its unique key is there. */
export async function insertNew(
  database: MongoDatabase,
  insert: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await database.run(insert);
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** Whether a write was refused because its unique key is there. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 11_000;
}

/** Of the URL, as in `mongodb://a,b/name?…`; the driver's own answer for none would be `test`. */
function databaseOf(client: MongoClient, url: string): Db {
  const named = /^[^:]+:\/\/[^/?]+\/[^?]/.test(url);
  // What was acknowledged survives the loss of any one member, and only such is read. Said here and
  // not to the client, whose URL would win over it.
  return client.db(named ? undefined : DATABASE, {
    writeConcern: { w: 'majority', journal: true },
    readConcern: new ReadConcern('majority'),
    readPreference: 'primary',
  });
}
