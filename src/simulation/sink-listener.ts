import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Secret } from '../domain/secret.ts';
import type { Ledger } from './ledger.ts';
import { isGenuine } from './signature.ts';
import { SimulationError } from './simulation-error.ts';

/** The sink of a simulation: a webhook that is listening. */
export interface SinkListener {
  readonly url: string;
  close(): Promise<void>;
}

// The simulation's own items have some hundred bytes.
const MAX_BODY_BYTES = 256 * 1024;

const Event = z.object({
  id: z.string(),
  sequence: z.string(),
  data: z.object({ resourceData: z.object({ id: z.string(), forged: z.boolean() }) }),
});

/** Listens, verifies what comes, and enters it in the ledger. */
export async function openSinkListener(options: {
  listen: { readonly host: string; readonly port: number };
  /** Where the service reaches it, without the path; where it listens, when it is missing. */
  sinkUrl?: string | undefined;
  secret: Secret;
  ledger: Ledger;
}): Promise<SinkListener> {
  const { secret, ledger } = options;
  // Nobody else finds it, whatever network it stands open to: a stranger's request counts as nothing.
  const path = `/${randomBytes(16).toString('base64url')}`;
  const server = createServer((request, response) => {
    // A service that is killed in the middle leaves a body that never ends.
    receive(request, response).catch(() => response.destroy());
  });
  // Longer than the service keeps its connections: none may close just as it is being used.
  server.keepAliveTimeout = 120_000;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || request.url?.endsWith(path) !== true) {
      response.writeHead(404).end();
      return;
    }
    const body = await readBody(request);
    const event = isGenuine(secret, request.headers, body) ? readEvent(body) : undefined;
    if (event === undefined) ledger.unverified();
    else ledger.arrived(event);
    response.writeHead(event === undefined ? 401 : 204).end();
  }

  await listen(server, options.listen);
  return {
    url: `${options.sinkUrl ?? urlOf(server)}${path}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, { host, port }: { host: string; port: number }) {
  try {
    const listening = once(server, 'listening');
    server.listen(port, host);
    await listening;
  } catch (cause) {
    throw new SimulationError('listener', `Cannot listen on ${host}:${port}`, cause);
  }
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a body of bytes was expected');
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new RangeError('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readEvent(body: Buffer) {
  const { success, data } = Event.safeParse(parseJson(body.toString('utf8')));
  if (!success) return undefined;
  const { id: eventId, sequence } = data;
  const { id: itemId, forged } = data.data.resourceData;
  return { eventId, sequence, itemId, forged };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is no event either
  }
}
