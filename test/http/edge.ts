import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Router } from '@koa/router';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createNoteRefusal } from '../../src/app/audit/refusals.ts';
import { createFindCredential } from '../../src/app/identity/find-credential.ts';
import { createOperatorCheck } from '../../src/app/identity/operator-key.ts';
import type { Limits } from '../../src/app/limits.ts';
import type { AuditEntry } from '../../src/domain/audit/audit-entry.ts';
import { createHttpApp, type EdgeOptions } from '../../src/adapters/http/app.ts';
import type { RequestState } from '../../src/adapters/http/request-state.ts';
import { openHttpServer } from '../../src/adapters/http/server.ts';
import { ALL_HEADERS } from '../../src/adapters/http/security-headers.ts';
import {
  createAddressRanges,
  NO_PROXIES,
  type TrustedProxies,
} from '../../src/adapters/http/trusted-proxies.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { createLog } from '../../src/adapters/telemetry/log.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createRedactor } from '../../src/domain/redact.ts';
import type { Clock } from '../../src/ports/clock.ts';

export const OPERATOR_KEY = 'TEST-ONLY-operator-key-0123456789abcdef';

/** The HTTP edge as it is composed, on a free port, around routes of the test's own. */
export async function startEdge(options: {
  production?: boolean;
  open?: Router<RequestState>;
  api?: Router<RequestState>;
  limits?: NonNullable<Parameters<typeof openHttpServer>[0]['limits']>;
  maxConnections?: number;
  clock?: Clock;
  rates?: Limits;
  proxies?: TrustedProxies;
  edge?: Partial<EdgeOptions>;
  /** Ranges that administrators are taken from. */
  admins?: readonly string[];
}) {
  const { clock = systemClock, rates, proxies = NO_PROXIES } = options;
  const lines: string[] = [];
  const log = createLog({
    level: 'debug',
    pretty: false,
    stream: { write: (line: string) => void lines.push(line) },
  });
  const digest = createDigest();
  const metrics = createMetrics();
  const isOperatorKey = createOperatorCheck({ digest, keyDigests: [digest.sha256(OPERATOR_KEY)] });
  const audited: AuditEntry[] = [];
  const app = createHttpApp({
    log,
    metrics,
    clock,
    digest,
    production: options.production ?? true,
    redact: createRedactor([OPERATOR_KEY]).clean,
    proxies,
    limits: rates,
    edge: {
      securityHeaders: ALL_HEADERS,
      corsOrigins: [],
      allowedHosts: [],
      requestTimeoutMs: 10_000,
      ...options.edge,
    },
    noteRefusal: createNoteRefusal({
      log,
      metrics,
      clock,
      audit: {
        async record(entry) {
          audited.push(entry);
          return true;
        },
      },
    }),
    findCredential: createFindCredential({
      isOperatorKey,
      isAdminAddress: createAddressRanges(options.admins ?? []),
      limits: rates,
      metrics,
    }),
    webhookRouter: new Router<RequestState>(),
    healthRouter: options.open ?? new Router<RequestState>(),
    apiRouters: options.api === undefined ? [] : [options.api],
  });
  const handle = app.callback();
  const listener = await openHttpServer({
    handler: (req, res) => void handle(req, res),
    digest,
    clock,
    log,
    metrics,
    proxies,
    host: '127.0.0.1',
    port: 0,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
  });
  return { ...listener, lines, metrics, audited };
}

/** Sends bytes as they are and gives all that comes back until the connection ends. */
export async function sendRaw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(bytes);
  return text(socket);
}

/** Status, headers and body of an answer as it came over the wire. */
export function readRaw(answer: string): { status: number; headers: Headers; body: string } {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}
