import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type Complain, type ConfiguredSecrets, readSecrets } from './configured-secrets.ts';
import { Secret } from './domain/secret.ts';
import { POLICIES, type Policies } from './domain/limits/policies.ts';

const DAY_MS = 86_400_000;
const MB = 1024 * 1024;

/** Where the service keeps what it knows. */
export type StorageConfig = { readonly kind: 'embedded' } | ServersConfig;

export interface ServersConfig {
  readonly kind: 'servers';
  readonly mongodbUrl: Secret;
  readonly redisUrl: Secret;
}

/** Everything that the environment decides. Durations are milliseconds, sizes bytes. */
export interface Config extends ConfiguredSecrets {
  readonly production: boolean;
  readonly http: { readonly host: string; readonly port: number };
  /** `undefined`: switched off. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  readonly storage: StorageConfig;
  /** Of the sinks that need a server; `undefined`: there are no such sinks. */
  readonly sinkServers: {
    readonly mongodbUrl: Secret | undefined;
    readonly mongodbCaFile: string | undefined;
    readonly redisUrl: Secret | undefined;
    readonly redisCaFile: string | undefined;
  };
  /** Of the service's own MongoDB; but for the CA also of that of the sinks. */
  readonly mongodb: {
    /** A PEM file; `undefined`: the authorities that the machine trusts. */
    readonly caFile: string | undefined;
    readonly maxPoolSize: number;
    readonly waitQueueTimeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly selectionTimeoutMs: number;
  };
  /** Likewise. */
  readonly redis: { readonly caFile: string | undefined; readonly connectTimeoutMs: number };
  /** Whether an instance without Redis is not ready. */
  readonly readinessStrict: boolean;
  readonly dataDir: string;
  /** How many instances run. */
  readonly instances: number;
  /** `undefined`: switched off. */
  readonly rateLimits: Policies | undefined;
  readonly trustedProxies: readonly string[];
  /** In lower case. */
  readonly clientAddressHeader: string;
  readonly sinkAllowedAddresses: readonly string[];
  readonly ackTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly shutdownTimeoutMs: number;
  readonly storeTimeoutMs: number;
  readonly maxBytesInFlight: number;
  readonly maxBacklogReceipts: number;
  readonly minFreeDiskBytes: number;
  readonly retentionMs: number;
  readonly deadLetterRetentionMs: number;
  readonly auditRetentionMs: number;
  /** 0: no heartbeat. */
  readonly heartbeatMs: number;
  readonly logLevel: z.output<typeof LogLevel>;
  readonly healthDetails: 'everyone' | 'operator';
}

const LogLevel = oneOf('debug', 'info', 'warn', 'error');

const Environment = z.object({
  NODE_ENV: oneOf('development', 'test', 'production').default('development'),
  HOST: host('127.0.0.1'),
  PORT: whole(0, 65_535, 8010),
  METRICS_ENABLED: oneOf('true', 'false').default('true'),
  METRICS_HOST: host('127.0.0.1'),
  METRICS_PORT: whole(0, 65_535, 9090),
  STORAGE: oneOf('embedded', 'servers').default('embedded'),
  MONGODB_URL: serverUrl('mongodb', 'mongodb+srv'),
  MONGODB_CA_FILE: z.string().optional(),
  MONGODB_MAX_POOL_SIZE: whole(1, 1000, 20),
  MONGODB_WAIT_QUEUE_TIMEOUT_MS: whole(10, 60_000, 2000),
  MONGODB_CONNECT_TIMEOUT_MS: whole(100, 60_000, 5000),
  MONGODB_SELECTION_TIMEOUT_MS: whole(100, 60_000, 5000),
  REDIS_URL: serverUrl('redis', 'rediss'),
  REDIS_CA_FILE: z.string().optional(),
  REDIS_CONNECT_TIMEOUT_MS: whole(100, 60_000, 5000),
  SINK_MONGODB_URL: serverUrl('mongodb', 'mongodb+srv'),
  SINK_MONGODB_CA_FILE: z.string().optional(),
  SINK_REDIS_URL: serverUrl('redis', 'rediss'),
  SINK_REDIS_CA_FILE: z.string().optional(),
  DATA_DIR: z.string().default('./data'),
  // Read by readSecrets, which may not quote them.
  ENCRYPTION_KEYS: z.string().optional(),
  ENCRYPTION_KEY: z.string().optional(),
  OPERATOR_API_KEY: z.string().optional(),
  INSTANCES: whole(1, 1000, 1),
  RATE_LIMIT_ENABLED: oneOf('true', 'false').default('true'),
  RATE_LIMIT_MAX: whole(1, 1_000_000_000, POLICIES.general.max),
  RATE_LIMIT_WINDOW_MS: whole(1000, DAY_MS, POLICIES.general.windowMs),
  RATE_LIMIT_API_MAX: whole(1, 1_000_000_000, POLICIES.api.max),
  RATE_LIMIT_API_WINDOW_MS: whole(1000, DAY_MS, POLICIES.api.windowMs),
  TRUSTED_PROXIES: ranges(),
  CLIENT_ADDRESS_HEADER: z
    .string()
    .regex(/^[\w-]+$/, { error: 'must be the name of a header, such as x-forwarded-for' })
    .toLowerCase()
    .default('x-forwarded-for'),
  SINK_ALLOWED_ADDRESSES: ranges(),
  // Graph counts an answer after 3 s as slow, and so do we.
  ACK_TIMEOUT_MS: whole(100, 3000, 2000),
  DRAIN_DELAY_MS: whole(0, 300_000, 0),
  SHUTDOWN_TIMEOUT_MS: whole(100, 300_000, 10_000),
  STORE_TIMEOUT_MS: whole(100, 60_000, 5000),
  // Never below the largest body: such a one could never come in.
  MAX_BYTES_IN_FLIGHT: whole(4 * MB, 16 * 1024 * MB, 64 * MB),
  MAX_BACKLOG_RECEIPTS: whole(1, 10_000_000, 100_000),
  MIN_FREE_DISK_MB: whole(0, 1_000_000_000, 256),
  RETENTION_DAYS: whole(1, 3650, 7),
  DEAD_LETTER_RETENTION_DAYS: whole(1, 3650, 30),
  AUDIT_RETENTION_DAYS: whole(1, 3650, 365),
  HEARTBEAT_SECONDS: whole(0, 86_400, 300),
  LOG_LEVEL: LogLevel.default('info'),
  HEALTH_DETAILS: oneOf('everyone', 'operator').default('everyone'),
  READINESS_STRICT: oneOf('true', 'false').default('false'),
});

/** Every variable that is read. */
export const VARIABLES: readonly string[] = Object.keys(Environment.shape);

/** Reads the environment once, at start, and throws one error that lists every problem. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  // Empty is not set: container files pass variables on whether they have a value or not.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const problems = new Map<string, string[]>();
  const complain = (variable: string, problem: string) => {
    problems.set(variable, [...new Set([...(problems.get(variable) ?? []), problem])]);
  };
  const secrets = readSecrets(given, given['NODE_ENV'] === 'production', complain);
  const { data, error } = Environment.safeParse(given);
  for (const issue of error?.issues ?? []) complain(issue.path.join('.'), issue.message);
  if (given['STORAGE'] === 'servers') demandOfServers(given, complain);
  else refuseUnusedServers(given, complain);
  if (data === undefined || problems.size > 0) throw new Error(describeProblems(problems));
  return { ...secrets, ...toConfig(data) };
}

function toConfig(data: z.output<typeof Environment>): Omit<Config, keyof ConfiguredSecrets> {
  return {
    production: data.NODE_ENV === 'production',
    http: { host: data.HOST, port: data.PORT },
    metrics:
      data.METRICS_ENABLED === 'true'
        ? { host: data.METRICS_HOST, port: data.METRICS_PORT }
        : undefined,
    storage: toStorage(data),
    sinkServers: {
      mongodbUrl: data.SINK_MONGODB_URL,
      mongodbCaFile: data.SINK_MONGODB_CA_FILE,
      redisUrl: data.SINK_REDIS_URL,
      redisCaFile: data.SINK_REDIS_CA_FILE,
    },
    mongodb: {
      caFile: data.MONGODB_CA_FILE,
      maxPoolSize: data.MONGODB_MAX_POOL_SIZE,
      waitQueueTimeoutMs: data.MONGODB_WAIT_QUEUE_TIMEOUT_MS,
      connectTimeoutMs: data.MONGODB_CONNECT_TIMEOUT_MS,
      selectionTimeoutMs: data.MONGODB_SELECTION_TIMEOUT_MS,
    },
    redis: { caFile: data.REDIS_CA_FILE, connectTimeoutMs: data.REDIS_CONNECT_TIMEOUT_MS },
    readinessStrict: data.READINESS_STRICT === 'true',
    dataDir: data.DATA_DIR,
    instances: data.INSTANCES,
    rateLimits: data.RATE_LIMIT_ENABLED === 'true' ? toPolicies(data) : undefined,
    trustedProxies: data.TRUSTED_PROXIES,
    clientAddressHeader: data.CLIENT_ADDRESS_HEADER,
    sinkAllowedAddresses: data.SINK_ALLOWED_ADDRESSES,
    ackTimeoutMs: data.ACK_TIMEOUT_MS,
    drainDelayMs: data.DRAIN_DELAY_MS,
    shutdownTimeoutMs: data.SHUTDOWN_TIMEOUT_MS,
    storeTimeoutMs: data.STORE_TIMEOUT_MS,
    maxBytesInFlight: data.MAX_BYTES_IN_FLIGHT,
    maxBacklogReceipts: data.MAX_BACKLOG_RECEIPTS,
    minFreeDiskBytes: data.MIN_FREE_DISK_MB * MB,
    retentionMs: data.RETENTION_DAYS * DAY_MS,
    deadLetterRetentionMs: data.DEAD_LETTER_RETENTION_DAYS * DAY_MS,
    auditRetentionMs: data.AUDIT_RETENTION_DAYS * DAY_MS,
    heartbeatMs: data.HEARTBEAT_SECONDS * 1000,
    logLevel: data.LOG_LEVEL,
    healthDetails: data.HEALTH_DETAILS,
  };
}

/** What instances must share, or one could not read what another has written. */
const NEEDED_BY_SERVERS: Readonly<Record<string, string>> = {
  MONGODB_URL: 'must be set with STORAGE=servers, such as mongodb://host:27017/sallyport',
  REDIS_URL: 'must be set with STORAGE=servers, such as redis://host:6379',
  OPERATOR_API_KEY: 'must be set with STORAGE=servers, the same for all instances',
};

function demandOfServers(given: NodeJS.ProcessEnv, complain: Complain): void {
  for (const [variable, problem] of Object.entries(NEEDED_BY_SERVERS)) {
    if (given[variable] === undefined) complain(variable, problem);
  }
  if (given['ENCRYPTION_KEYS'] === undefined && given['ENCRYPTION_KEY'] === undefined) {
    complain('ENCRYPTION_KEYS', 'must be set with STORAGE=servers, the same for all instances');
  }
}

/** Whoever names servers means to keep everything there, and not in a folder that may be temporary. */
function refuseUnusedServers(given: NodeJS.ProcessEnv, complain: Complain): void {
  for (const variable of ['MONGODB_URL', 'REDIS_URL']) {
    if (given[variable] === undefined) continue;
    complain(variable, 'is set, but not used: set STORAGE=servers too, or leave it out');
  }
}

function toStorage(data: z.output<typeof Environment>): StorageConfig {
  const { STORAGE: kind, MONGODB_URL: mongodbUrl, REDIS_URL: redisUrl } = data;
  // Both are there with STORAGE=servers: demandOfServers has seen to it.
  return kind === 'embedded' || mongodbUrl === undefined || redisUrl === undefined
    ? { kind: 'embedded' }
    : { kind, mongodbUrl, redisUrl };
}

function toPolicies(data: z.output<typeof Environment>): Policies {
  const general = { max: data.RATE_LIMIT_MAX, windowMs: data.RATE_LIMIT_WINDOW_MS };
  const api = { max: data.RATE_LIMIT_API_MAX, windowMs: data.RATE_LIMIT_API_WINDOW_MS };
  return {
    ...POLICIES,
    general: { ...POLICIES.general, ...general },
    api: { ...POLICIES.api, ...api },
  };
}

function oneOf<const T extends readonly [string, ...string[]]>(...values: T) {
  return z.enum(values, { error: `must be ${values.join(' or ')}` });
}

function host(fallback: string) {
  const error = 'must be an address or a name to listen on, such as 127.0.0.1';
  return z
    .string()
    .regex(/^[\w.:-]+$/, { error })
    .default(fallback);
}

/** May hold a password, so that it is never quoted. */
function serverUrl(...schemes: readonly string[]) {
  const error = `must be a URL that begins with ${schemes.map((one) => `${one}://`).join(' or ')}`;
  return z
    .string()
    .refine((url) => schemes.some((scheme) => url.startsWith(`${scheme}://`)), { error })
    .transform((url) => new Secret(url))
    .optional();
}

function whole(min: number, max: number, fallback: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, { error, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error })
    .default(fallback);
}

function splitList(text: string): readonly string[] {
  return text.split(',').flatMap((entry) => entry.trim() || []);
}

function ranges() {
  const error = 'must be address ranges such as 10.0.0.0/8,fd00::/8, comma-separated';
  return z.string().default('').transform(splitList).refine(areRanges, { error });
}

function areRanges(ranges: readonly string[]): boolean {
  return ranges.every((range) => ipaddr.isValidCIDR(range));
}

function describeProblems(problems: ReadonlyMap<string, readonly string[]>): string {
  const lines = [...problems].map(([variable, found]) => `  ${variable} ${found.join('; ')}`);
  return `Bad configuration:\n${lines.join('\n')}`;
}
