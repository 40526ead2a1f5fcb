import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Webhook } from 'standardwebhooks';

/** What a sink answers; a bare 200 when nothing is said. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** So many bytes instead of `body`, as fast as they are taken; `Infinity` never ends. */
  readonly bodyBytes?: number;
  /** `body` and then no end: the connection stays open. */
  readonly openEnded?: boolean;
  /** `body`, then the connection is cut before the answer is complete. */
  readonly cutShort?: boolean;
  /** Real time before the answer begins. */
  readonly delayMs?: number;
  /** No answer at all: `hang` keeps the connection open, `reset` cuts it. */
  readonly instead?: 'hang' | 'reset';
}

/** One request that came in whole. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values, alternating, as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /**
   * Whether one of its signatures is genuine, by the Standard Webhooks library; `null` when the
   * receiver has no secret. The age is not judged, since a turned clock may be anywhere.
   */
  readonly isGenuine: boolean | null;
  /** Bytes written to its connection so far, answers before this one included. */
  writtenBytes(): number;
}

export interface Receiver {
  /** Without a path. */
  readonly url: string;
  readonly port: number;
  readonly received: readonly ReceivedRequest[];
  /** Connections that were ever made, and those that are open. */
  readonly connections: { readonly made: number; readonly open: number };
  /** Changes the script. */
  answer(script: AnswerScript): void;
  /** Cuts every connection; a second time it does nothing. */
  close(): Promise<void>;
}

export type AnswerScript =
  ScriptedAnswer | ((request: ReceivedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>);

export interface ReceiverOptions {
  /** `whsec_…`; requests are then checked with the Standard Webhooks library. */
  readonly secret?: string;
  readonly answer?: AnswerScript;
  /** Address to listen on; 127.0.0.1. */
  readonly host?: string;
  /** Speaks https with these (PEM). */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A webhook receiver on a free port, that keeps what it gets and answers as it is told. */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const { secret, host = '127.0.0.1', tls } = options;
  const received: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  let made = 0;
  let script: AnswerScript = options.answer ?? {};

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming, secret);
    received.push(request);
    await play(typeof script === 'function' ? await script(request) : script, response);
  }

  function listener(incoming: IncomingMessage, response: ServerResponse): void {
    // A sender that goes away in the middle is what some tests are about.
    handle(incoming, response).catch(() => response.destroy());
  }

  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', (socket: Socket) => {
    made += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const shownHost = host.includes(':') ? `[${host}]` : host;

  return {
    url: `${tls === undefined ? 'http' : 'https'}://${shownHost}:${port}`,
    port,
    received,
    get connections() {
      return { made, open: sockets.size };
    },
    answer(next) {
      script = next;
    },
    async close() {
      if (!server.listening) return;
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readRequest(
  incoming: IncomingMessage,
  secret: string | undefined,
): Promise<ReceivedRequest> {
  const { method = '', url: path = '', headers, rawHeaders, socket } = incoming;
  const body = await readText(incoming);
  const isGenuine = secret === undefined ? null : isSigned(secret, headers, body);
  const writtenBytes = () => socket.bytesWritten;
  return { method, path, headers, rawHeaders, body, isGenuine, writtenBytes };
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function isSigned(secret: string, headers: IncomingHttpHeaders, body: string): boolean {
  const text = (name: string) => String(headers[name] ?? '');
  const sentAt = new Date(Number(text('webhook-timestamp')) * 1000);
  const genuine = new Webhook(secret).sign(text('webhook-id'), sentAt, body);
  return text('webhook-signature').split(' ').includes(genuine);
}

async function play(answer: ScriptedAnswer, response: ServerResponse): Promise<void> {
  const { status = 200, headers = {}, body = '', bodyBytes, delayMs } = answer;
  if (answer.instead === 'hang') return;
  if (answer.instead === 'reset') return void response.socket?.resetAndDestroy();
  if (delayMs !== undefined) await elapsed(delayMs);
  response.writeHead(status, headers);
  response.flushHeaders();
  if (bodyBytes !== undefined) return pipeline(Readable.from(repeated(bodyBytes)), response);
  if (!answer.openEnded && !answer.cutShort) return void response.end(body);
  response.write(body);
  if (answer.cutShort) response.socket?.end();
}

function* repeated(bytes: number): Generator<Uint8Array> {
  const block = Buffer.alloc(64 * 1024, 'x');
  for (let left = bytes; left > 0; left -= block.length) {
    yield left < block.length ? block.subarray(0, left) : block;
  }
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
