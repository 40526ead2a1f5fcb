import { z } from 'zod';
import { POLICIES } from './domain/limits/policies.ts';
import {
  apiOrigin,
  guid,
  hosts,
  listenHost,
  onOff,
  oneOf,
  ranges,
  tenant,
  webUrl,
  whole,
} from './environment-fields.ts';
import { mongodbUrl, redisUrl } from './server-url-fields.ts';

const DAY_MS = 86_400_000;
const MB = 1024 * 1024;

const limitMax = (fallback: number) => whole(1, 1_000_000_000, fallback);
const limitWindow = (fallback: number) => whole(1000, DAY_MS, fallback);
// Read by readSecrets, which may not quote them.
const secret = () => z.string().optional();

/** Every variable: its range, its default, and what is said when it is something else. */
export const Environment = z.object({
  NODE_ENV: oneOf('development', 'test', 'production').default('development'),
  HOST: listenHost('127.0.0.1'),
  PORT: whole(0, 65_535, 8010),
  MAX_CONNECTIONS: whole(10, 1_000_000, 10_000),
  METRICS_ENABLED: onOff('true'),
  METRICS_HOST: listenHost('127.0.0.1'),
  METRICS_PORT: whole(0, 65_535, 9090),
  STORAGE: oneOf('embedded', 'servers').default('embedded'),
  MONGODB_URL: mongodbUrl(),
  MONGODB_CA_FILE: z.string().optional(),
  MONGODB_MAX_POOL_SIZE: whole(1, 1000, 20),
  MONGODB_WAIT_QUEUE_TIMEOUT_MS: whole(10, 60_000, 2000),
  MONGODB_CONNECT_TIMEOUT_MS: whole(100, 60_000, 5000),
  MONGODB_SELECTION_TIMEOUT_MS: whole(100, 60_000, 5000),
  REDIS_URL: redisUrl(),
  REDIS_CA_FILE: z.string().optional(),
  REDIS_CONNECT_TIMEOUT_MS: whole(100, 60_000, 5000),
  SINK_MONGODB_URL: mongodbUrl(),
  SINK_MONGODB_CA_FILE: z.string().optional(),
  SINK_REDIS_URL: redisUrl(),
  SINK_REDIS_CA_FILE: z.string().optional(),
  DATA_DIR: z.string().default('./data'),
  ENCRYPTION_KEYS: secret(),
  ENCRYPTION_KEY: secret(),
  OPERATOR_API_KEY: secret(),
  ACCESS_TOKEN_SECRETS: secret(),
  REFRESH_TOKEN_SECRETS: secret(),
  PRESIGNED_URL_SECRETS: secret(),
  SESSION_SECRETS: secret(),
  APP_URL: webUrl('https:', 'http:'),
  CLIENT_URL: webUrl('https:', 'http:'),
  ALLOWED_HOSTS: hosts(),
  TRUSTED_PROXIES: ranges(),
  CLIENT_ADDRESS_HEADER: z
    .string()
    .regex(/^[\w-]+$/, { error: 'must be the name of a header, such as x-forwarded-for' })
    .toLowerCase()
    .default('x-forwarded-for'),
  SINK_ALLOWED_ADDRESSES: ranges(),
  ADMIN_ALLOWED_IPS: ranges(),
  ENCRYPTION_CERTIFICATES: z.string().optional(),
  GRAPH_WEBHOOK_URL: webUrl('https:'),
  GRAPH_TENANT_ID: tenant(),
  GRAPH_CLIENT_ID: guid(),
  GRAPH_CLIENT_SECRET: secret(),
  GRAPH_CLOUD: oneOf('global', 'usgov', 'dod', 'china').default('global'),
  GRAPH_BASE_URL: apiOrigin(),
  GRAPH_LOGIN_URL: apiOrigin(),
  INSTANCES: whole(1, 1000, 1),
  RATE_LIMIT_ENABLED: onOff('true'),
  RATE_LIMIT_MAX: limitMax(POLICIES.general.max),
  RATE_LIMIT_WINDOW_MS: limitWindow(POLICIES.general.windowMs),
  RATE_LIMIT_API_MAX: limitMax(POLICIES.api.max),
  RATE_LIMIT_API_WINDOW_MS: limitWindow(POLICIES.api.windowMs),
  RATE_LIMIT_AUTH_MAX: limitMax(POLICIES.auth.max),
  RATE_LIMIT_AUTH_WINDOW_MS: limitWindow(POLICIES.auth.windowMs),
  STRICT_RATE_LIMIT_MAX: limitMax(POLICIES.strict.max),
  STRICT_RATE_LIMIT_WINDOW_MS: limitWindow(POLICIES.strict.windowMs),
  RATE_LIMIT_API_KEY_CREATION_MAX: limitMax(POLICIES['api-key-creation'].max),
  RATE_LIMIT_API_KEY_CREATION_WINDOW_MS: limitWindow(POLICIES['api-key-creation'].windowMs),
  RATE_LIMIT_PASSWORD_RESET_MAX: limitMax(POLICIES['password-reset'].max),
  RATE_LIMIT_PASSWORD_RESET_WINDOW_MS: limitWindow(POLICIES['password-reset'].windowMs),
  SECURITY_HEADERS_ENABLED: onOff('true'),
  CSP_ENABLED: onOff('true'),
  HSTS_PRELOAD: onOff('true'),
  CIRCUIT_BREAKER_ENABLED: onOff('true'),
  CIRCUIT_BREAKER_TIMEOUT: whole(100, 300_000, 10_000),
  CIRCUIT_BREAKER_ERROR_THRESHOLD: whole(1, 100, 50),
  CIRCUIT_BREAKER_RESET_TIMEOUT: whole(100, 600_000, 30_000),
  CIRCUIT_BREAKER_VOLUME_THRESHOLD: whole(1, 10_000, 10),
  // Graph counts an answer after 3 s as slow, and so do we.
  ACK_TIMEOUT_MS: whole(100, 3000, 2000),
  REQUEST_TIMEOUT_MS: whole(100, 300_000, 10_000),
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
  LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error').default('info'),
  HEALTH_DETAILS: oneOf('everyone', 'operator').default('everyone'),
  READINESS_STRICT: onOff('false'),
});

/** The variables, read. Those that end in `_MS` are milliseconds, `_MB` mebibytes. */
export type ReadEnvironment = z.output<typeof Environment>;

/** Each may be given by `<name>_FILE` as well. */
export const SECRET_VARIABLES = [
  'ENCRYPTION_KEYS',
  'ENCRYPTION_KEY',
  'OPERATOR_API_KEY',
  'ACCESS_TOKEN_SECRETS',
  'REFRESH_TOKEN_SECRETS',
  'PRESIGNED_URL_SECRETS',
  'SESSION_SECRETS',
  'GRAPH_CLIENT_SECRET',
  'MONGODB_URL',
  'REDIS_URL',
  'SINK_MONGODB_URL',
  'SINK_REDIS_URL',
] as const satisfies readonly (keyof ReadEnvironment)[];
