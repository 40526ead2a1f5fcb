import { join } from 'node:path';
import { type Complain, type ConfiguredSecrets, readSecrets } from './configured-secrets.ts';
import { type Policies, POLICIES, type Policy, type PolicyName } from './domain/limits/policies.ts';
import type { Secret } from './domain/secret.ts';
import { type EdgeConfig, toEdge } from './edge-config.ts';
import { Environment, type ReadEnvironment, SECRET_VARIABLES } from './environment.ts';
import { givenIn, withSecretFiles } from './secret-files.ts';
import { refuseIdleAuthorities } from './server-url-fields.ts';

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
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** More are closed as they come. */
    readonly maxConnections: number;
  };
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
  readonly edge: EdgeConfig;
  readonly circuitBreakers: {
    readonly enabled: boolean;
    /** Of one call. */
    readonly timeoutMs: number;
    readonly errorThresholdPercent: number;
    readonly resetTimeoutMs: number;
    /** Calls that must have been made before one opens. */
    readonly volumeThreshold: number;
  };
  readonly graph: {
    /** As Graph sees `/webhooks/graph`. */
    readonly webhookUrl: string | undefined;
    /** A GUID or a domain, in lower case. */
    readonly tenantId: string | undefined;
    readonly clientId: string | undefined;
    readonly cloud: ReadEnvironment['GRAPH_CLOUD'];
    /** Origins, without a slash at the end. */
    readonly baseUrl: string | undefined;
    readonly loginUrl: string | undefined;
    /** Folder of the certificates that encrypted notifications are for. */
    readonly certificatesDir: string;
  };
  readonly trustedProxies: readonly string[];
  /** In lower case. */
  readonly clientAddressHeader: string;
  readonly sinkAllowedAddresses: readonly string[];
  readonly ackTimeoutMs: number;
  readonly requestTimeoutMs: number;
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
  readonly logLevel: ReadEnvironment['LOG_LEVEL'];
  readonly healthDetails: 'everyone' | 'operator';
  /** Variables by which a protection is off, for diagnosis. */
  readonly switchedOff: readonly string[];
}

/** Every variable that is read. */
export const VARIABLES: readonly string[] = Object.keys(Environment.shape);

/** Reads the environment once, at start, and throws one error that lists every problem. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const problems = new Map<string, string[]>();
  const complain = (variable: string, problem: string) => {
    problems.set(variable, [...new Set([...(problems.get(variable) ?? []), problem])]);
  };
  const given = withSecretFiles(givenIn(env), SECRET_VARIABLES, complain);
  const secrets = readSecrets(given, given['NODE_ENV'] === 'production', complain);
  const { data, error } = Environment.safeParse(given);
  for (const issue of error?.issues ?? []) complain(issue.path.join('.'), issue.message);
  if (given['STORAGE'] === 'servers') demandOfServers(given, complain);
  else refuseUnusedServers(given, complain);
  refuseIdleAuthorities(given, complain);
  // What stands in a file that cannot be read is not missing besides.
  for (const name of SECRET_VARIABLES) {
    if (given[name] === undefined && problems.has(`${name}_FILE`)) problems.delete(name);
  }
  if (data === undefined || problems.size > 0) throw new Error(describeProblems(problems));
  return { ...secrets, ...toConfig(data) };
}

function toConfig(data: ReadEnvironment): Omit<Config, keyof ConfiguredSecrets> {
  return {
    production: data.NODE_ENV === 'production',
    http: { host: data.HOST, port: data.PORT, maxConnections: data.MAX_CONNECTIONS },
    metrics: data.METRICS_ENABLED
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
    readinessStrict: data.READINESS_STRICT,
    dataDir: data.DATA_DIR,
    instances: data.INSTANCES,
    rateLimits: data.RATE_LIMIT_ENABLED ? toPolicies(data) : undefined,
    edge: toEdge(data),
    circuitBreakers: {
      enabled: data.CIRCUIT_BREAKER_ENABLED,
      timeoutMs: data.CIRCUIT_BREAKER_TIMEOUT,
      errorThresholdPercent: data.CIRCUIT_BREAKER_ERROR_THRESHOLD,
      resetTimeoutMs: data.CIRCUIT_BREAKER_RESET_TIMEOUT,
      volumeThreshold: data.CIRCUIT_BREAKER_VOLUME_THRESHOLD,
    },
    graph: {
      webhookUrl: data.GRAPH_WEBHOOK_URL,
      tenantId: data.GRAPH_TENANT_ID,
      clientId: data.GRAPH_CLIENT_ID,
      cloud: data.GRAPH_CLOUD,
      baseUrl: data.GRAPH_BASE_URL,
      loginUrl: data.GRAPH_LOGIN_URL,
      certificatesDir: data.ENCRYPTION_CERTIFICATES ?? join(data.DATA_DIR, 'certificates'),
    },
    trustedProxies: data.TRUSTED_PROXIES,
    clientAddressHeader: data.CLIENT_ADDRESS_HEADER,
    sinkAllowedAddresses: data.SINK_ALLOWED_ADDRESSES,
    ackTimeoutMs: data.ACK_TIMEOUT_MS,
    requestTimeoutMs: data.REQUEST_TIMEOUT_MS,
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
    switchedOff: SWITCHES.filter((name) => !data[name]),
  };
}

const SWITCHES = [
  'RATE_LIMIT_ENABLED',
  'SECURITY_HEADERS_ENABLED',
  'CSP_ENABLED',
  'CIRCUIT_BREAKER_ENABLED',
  'METRICS_ENABLED',
] as const;

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

function toStorage(data: ReadEnvironment): StorageConfig {
  const { STORAGE: kind, MONGODB_URL: mongodbUrl, REDIS_URL: redisUrl } = data;
  // Both are there with STORAGE=servers: demandOfServers has seen to it.
  return kind === 'embedded' || mongodbUrl === undefined || redisUrl === undefined
    ? { kind: 'embedded' }
    : { kind, mongodbUrl, redisUrl };
}

/** The policies that can be set, by the start of their variables. */
const POLICY_VARIABLES = {
  general: 'RATE_LIMIT',
  api: 'RATE_LIMIT_API',
  auth: 'RATE_LIMIT_AUTH',
  strict: 'STRICT_RATE_LIMIT',
  'api-key-creation': 'RATE_LIMIT_API_KEY_CREATION',
  'password-reset': 'RATE_LIMIT_PASSWORD_RESET',
} as const satisfies Partial<Record<PolicyName, string>>;

function toPolicies(data: ReadEnvironment): Policies {
  const policy = (name: keyof typeof POLICY_VARIABLES): Policy => {
    const prefix = POLICY_VARIABLES[name];
    return { name, max: data[`${prefix}_MAX`], windowMs: data[`${prefix}_WINDOW_MS`] };
  };
  return {
    ...POLICIES,
    general: policy('general'),
    api: policy('api'),
    auth: policy('auth'),
    strict: policy('strict'),
    'api-key-creation': policy('api-key-creation'),
    'password-reset': policy('password-reset'),
  };
}

function describeProblems(problems: ReadonlyMap<string, readonly string[]>): string {
  const lines = [...problems].map(([variable, found]) => `  ${variable} ${found.join('; ')}`);
  return `Bad configuration:\n${lines.join('\n')}`;
}
