import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** What a proxy does instead of passing a request on as it came: another body, or an answer of its own. */
export type Tampering =
  | { readonly body: string }
  | { readonly answer: { readonly status: number; readonly body?: string } };

export interface Proxy {
  readonly url: string;
  readonly requests: readonly ProxiedRequest[];
  close(): Promise<void>;
}

/** Stands between two parties and tampers with what it is told to. */
export async function startProxy(options: {
  /** Asked at each request: it may not be known from the start. */
  target: () => string;
  tamper?: (request: ProxiedRequest) => Tampering | undefined;
}): Promise<Proxy> {
  const requests: ProxiedRequest[] = [];

  async function passOn(incoming: IncomingMessage): Promise<{ status: number; answer: Response }> {
    const { method = '', url: path = '' } = incoming;
    const request = { method, path, body: (await buffer(incoming)).toString() };
    requests.push(request);
    const tampering = options.tamper?.(request);
    if (tampering !== undefined && 'answer' in tampering) {
      const { status, body = null } = tampering.answer;
      return { status, answer: new Response(body, { status }) };
    }
    const body = tampering?.body ?? request.body;
    const answer = await fetch(`${options.target()}${path}`, {
      method,
      headers: headersOf(incoming),
      ...(body === '' ? {} : { body }),
    });
    return { status: answer.status, answer };
  }

  const server = createServer((incoming, outgoing) => {
    passOn(incoming)
      .then(async ({ status, answer }) => {
        const type = answer.headers.get('content-type');
        outgoing.writeHead(status, type === null ? {} : { 'content-type': type });
        outgoing.end(Buffer.from(await answer.arrayBuffer()));
      })
      .catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Without those that belong to the connection, or to the length of a body that may change. */
function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const own = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive']);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      own.has(name) || typeof value !== 'string' ? [] : [[name, value]],
    ),
  );
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
