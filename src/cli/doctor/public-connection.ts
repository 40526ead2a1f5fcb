import { addAbortListener, once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP } from 'node:net';
import { connect, rootCertificates } from 'node:tls';
import { hostOf } from '../../domain/host.ts';

const MAX_BODY_BYTES = 64 * 1024;
const USER_AGENT = 'sallyport-doctor';

/** What came back from the public URL. */
export interface PublicAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** From the first packet to the last, connecting included, as Graph's clock runs. */
  readonly ms: number;
  /** How far the clock of its Date is ahead of ours; `undefined` without that header. */
  readonly skewMs: number | undefined;
}

export interface Connecting {
  /** PEM of one more authority to trust. */
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
}

/** Opens a verified TLS connection and tells of it; rejects with what is wrong with the certificate. */
export async function openTls(
  url: URL,
  { ca, signal }: Connecting,
): Promise<{ protocol: string; endsAt: Date }> {
  const host = hostOf(url);
  const socket = connect({
    host,
    port: Number(url.port || 443),
    ...(isIP(host) === 0 ? { servername: host } : {}), // RFC 6066 §3: names only
    ...trusting(ca),
  });
  const interrupt = addAbortListener(signal, () => socket.destroy());
  try {
    await once(socket, 'secureConnect', { signal });
    const endsAt = socket.getPeerX509Certificate()?.validToDate ?? new Date(Number.NaN);
    return { protocol: socket.getProtocol() ?? 'unknown', endsAt };
  } finally {
    interrupt[Symbol.dispose]();
    socket.destroy();
  }
}

/** Asks for the handshake as Graph does, over a connection of its own. Follows nothing, as Graph does. */
export async function postHandshake(
  url: URL,
  token: string,
  { ca, signal }: Connecting,
): Promise<PublicAnswer> {
  const wholeUrl = new URL(url);
  // As a form is written: a space is a plus.
  wholeUrl.search = `?validationToken=${encodeURIComponent(token).replaceAll('%20', '+')}`;
  const startedAt = Date.now();
  const outgoing = request(wholeUrl, {
    method: 'POST',
    agent: false,
    signal,
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': 0,
      'User-Agent': USER_AGENT,
    },
    ...trusting(ca),
  });
  outgoing.end();
  const answer = await answerOf(outgoing, signal);
  const headersAt = Date.now();
  const body = await readBody(answer);
  const date = Date.parse(answer.headers.date ?? '');
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body,
    ms: Date.now() - startedAt,
    // A Date is of whole seconds, rounded down; on average half of one is missing.
    skewMs: Number.isNaN(date) ? undefined : date + 500 - headersAt,
  };
}

/**
 * The public address that Cloudflare sees this machine come from: it answers this path itself, on
 * every host that it stands before. `undefined` when something else answers.
 */
export async function askCloudflareForCaller(
  url: URL,
  family: 4 | 6,
  { ca, signal }: Connecting,
): Promise<string | undefined> {
  const outgoing = request(new URL('/cdn-cgi/trace', url), {
    agent: false,
    family,
    signal,
    headers: { 'User-Agent': USER_AGENT },
    ...trusting(ca),
  });
  outgoing.end();
  const text = (await readBody(await answerOf(outgoing, signal))).toString();
  const [, address = ''] = /^ip=(\S+)$/m.exec(text) ?? [];
  return isIP(address) === 0 ? undefined : address;
}

function trusting(ca: string | undefined) {
  return ca === undefined ? {} : { ca: [...rootCertificates, ca] };
}

function answerOf(outgoing: ReturnType<typeof request>, signal: AbortSignal) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', (error) => reject(signal.aborted ? signal.reason : error));
  });
}

async function readBody(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    chunks.push(Buffer.from(chunk));
    bytes += chunks.at(-1)?.length ?? 0;
    if (bytes > MAX_BODY_BYTES) break; // a page of somebody's: its beginning says enough
  }
  return Buffer.concat(chunks);
}
