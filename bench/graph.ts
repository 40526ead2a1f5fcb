import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RequestToSend } from './load.ts';
import { OPERATOR_KEY, type Running } from './servers.ts';

const FIXTURES = new URL('../test/fixtures/graph/', import.meta.url);

function readText(file: string): string {
  return readFileSync(new URL(file, FIXTURES), 'utf8');
}

interface SampleSubscription {
  readonly id: string;
  readonly clientState: string;
  readonly tenantId: string;
}

const { subscriptions } = JSON.parse(readText('subscriptions.json')) as {
  subscriptions: SampleSubscription[];
};
const [mail] = subscriptions;
const [item] = (JSON.parse(readText('07-batch-100.json')) as { value: object[] }).value;
if (mail === undefined || item === undefined) throw new Error('the samples are not there');

let made = 0;

/** A POST of Graph with so many items that nobody has seen. */
export function notificationPost(items: number): RequestToSend {
  const { id: subscriptionId, clientState, tenantId } = mail ?? {};
  const value = Array.from({ length: items }, () => {
    made += 1;
    return { ...item, id: `bench-${made}`, subscriptionId, clientState, tenantId };
  });
  return {
    method: 'POST',
    path: '/webhooks/graph',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ value }),
  };
}

/** A request that is limited, and that reads one row. */
export function getSubscription(): RequestToSend {
  const headers = { 'x-api-key': OPERATOR_KEY };
  return { method: 'GET', path: `/api/subscriptions/${mail?.id}`, headers };
}

export async function api(
  { url, operatorKey }: Running,
  method: string,
  path: string,
  body?: object,
): Promise<{ id: string; data: { id: string }[] }> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-api-key': operatorKey, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
  return JSON.parse(text || 'null');
}

/** Imports the sample subscription and leaves only the given sink, if any. */
export async function prepare(server: Running, sink?: object): Promise<void> {
  const wanted = Object.fromEntries(
    Object.entries(mail ?? {}).filter(([key, value]) => key !== 'key' && value !== null),
  );
  await api(server, 'POST', '/api/subscriptions/import', wanted);
  for (const { id } of (await api(server, 'GET', '/api/sinks')).data) {
    await api(server, 'DELETE', `/api/sinks/${id}`);
  }
  if (sink !== undefined) await api(server, 'POST', '/api/sinks', sink);
}

/** A sink in this process that only counts and tells when each event came. */
export async function openSink(): Promise<{
  url: string;
  count(): number;
  onArrival(listen: (body: string) => void): void;
  close(): void;
}> {
  let count = 0;
  let listen: ((body: string) => void) | undefined;
  const server = createServer((req, res) => {
    const pieces: Buffer[] = [];
    if (listen === undefined) req.resume();
    else req.on('data', (piece: Buffer) => pieces.push(piece));
    req.on('end', () => {
      count += 1;
      listen?.(Buffer.concat(pieces).toString());
      res.writeHead(200).end();
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    count: () => count,
    onArrival(listener) {
      listen = listener;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
