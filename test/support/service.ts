import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { compose, type Service } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createRedactor } from '../../src/domain/redact.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Log } from '../../src/ports/log.ts';
import { temporaryFolder } from './folder.ts';
import { silentLog } from './silent-log.ts';

export const OPERATOR_KEY = 'TEST-ONLY-operator-key-7f3a9c51d2e84b06';

/** The composed service in this process, on free ports, in a data folder of its own. */
export interface TestService {
  readonly url: string;
  readonly metricsUrl: string;
  readonly dataDir: string;
  /** Asks the API as the operator; JSON both ways. */
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** Posts a notification body as Graph does. */
  post(body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>;
  metric(name: string, labels?: string): Promise<number>;
  /** Stops it and starts another one on the same data folder. */
  restart(): Promise<TestService>;
  /** Stops it and removes the data folder. */
  close(): Promise<void>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows what it asked for
  readonly body: any;
}

export interface TestServiceOptions {
  readonly env?: Record<string, string>;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly folder?: ReturnType<typeof temporaryFolder>;
}

export async function startService(options: TestServiceOptions = {}): Promise<TestService> {
  const { clock = systemClock, log = silentLog, folder = temporaryFolder() } = options;
  const config = readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: folder.path,
    OPERATOR_API_KEY: OPERATOR_KEY,
    MIN_FREE_DISK_MB: '0',
    RATE_LIMIT_API_MAX: '1000000000',
    // A clock that is turned lets the time of calls pass which are still at work.
    ...(clock === systemClock ? {} : { CIRCUIT_BREAKER_ENABLED: 'false' }),
    ...options.env,
  });
  const service = await compose(config, { clock, log, redactor: createRedactor() });
  return wrap(service, { ...options, folder });
}

function wrap(
  service: Service,
  options: TestServiceOptions & { folder: ReturnType<typeof temporaryFolder> },
): TestService {
  const { url, metricsUrl = '' } = service;
  const stop = () => service.stop({ drainDelayMs: 0, graceMs: 0, cutAfterMs: 10_000 });
  return {
    url,
    metricsUrl,
    dataDir: options.folder.path,

    api: (method, path, body) => askApi(url, { method, path, body }),

    post: (body, headers = {}) =>
      fetch(`${url}/webhooks/graph`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      }),

    async metric(name, labels = '') {
      const text = await (await fetch(`${metricsUrl}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`${name}${labels} `));
      return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
    },

    async restart() {
      await stop();
      return startService(options);
    },

    async close() {
      await stop();
      options.folder.remove();
    },
  };
}

export async function askApi(
  url: string,
  { method, path, body }: { method: string; path: string; body?: unknown },
): Promise<ApiAnswer> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      'x-api-key': OPERATOR_KEY,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** Everything of `test/fixtures/graph`, read once. */
export const SAMPLES = new URL('../fixtures/graph/', import.meta.url);

export function readSample(file: string): string {
  return readFileSync(new URL(file, SAMPLES), 'utf8');
}

export interface SampleSubscription {
  readonly key: string;
  readonly id: string;
  readonly tenantId: string;
  readonly applicationId: string;
  readonly clientState: string;
  readonly changeType: string;
  readonly resource: string;
  readonly includeResourceData: boolean;
  readonly encryptionCertificateId: string | null;
  readonly expirationDateTime: string;
}

export const SUBSCRIPTIONS: readonly SampleSubscription[] = JSON.parse(
  readSample('subscriptions.json'),
).subscriptions;

/** Imports one of the samples' subscriptions, as its operator would. */
export function toImport({ key: _key, ...subscription }: SampleSubscription): object {
  return Object.fromEntries(Object.entries(subscription).filter(([, value]) => value !== null));
}

export async function importSamples(service: Pick<TestService, 'api'>): Promise<void> {
  for (const subscription of SUBSCRIPTIONS) {
    const answer = await service.api('POST', '/api/subscriptions/import', toImport(subscription));
    if (answer.status !== 201) throw new Error(`import failed: ${answer.text}`);
  }
}
