import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** What the proxy does to an answer of the service, or answers in its place. */
export type Trick = (
  answer: ProxyAnswer,
  asked: IncomingMessage,
) => ProxyAnswer | Promise<ProxyAnswer>;

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A TLS proxy before a service, as a tunnel is one: passes on, unless it is told a trick. */
export interface PublicProxy {
  readonly webhookUrl: string;
  lead(to: { readonly url: string }): void;
  play(trick: Trick): void;
  /** Says in `X-Forwarded-For` that this is the client; `undefined`: says nothing. */
  forwardFor(address: string | undefined): void;
  close(): Promise<void>;
}

export async function startPublicProxy(tls: { key: string; cert: string }): Promise<PublicProxy> {
  let target = '';
  let play: Trick = (answer) => answer;
  let client: string | undefined;
  const server = createServer(tls, (incoming, response) => {
    pass(incoming, response).catch(() => response.destroy());
  });
  async function pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, headers, body } = await play(await forward(target, incoming, client), incoming);
    const given = Object.entries(headers).filter(([, value]) => value !== undefined);
    response.writeHead(status, {
      ...Object.fromEntries(given),
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    webhookUrl: `https://127.0.0.1:${port}/webhooks/graph`,
    lead: ({ url }) => {
      target = url;
    },
    play: (trick) => {
      play = trick;
    },
    forwardFor: (address) => {
      client = address;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function forward(target: string, asked: IncomingMessage, client: string | undefined) {
  const { method, url } = asked;
  const headers = {
    ...asked.headers,
    ...(client === undefined ? {} : { 'x-forwarded-for': client }),
  };
  const outgoing = request(`${target}${url}`, { method, headers, agent: false }).end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of answer.setEncoding('utf8')) body += chunk;
  return { status: answer.statusCode ?? 0, headers: answer.headers, body };
}

/** Certificates for 127.0.0.1, TEST ONLY: a CA in a file, what it signed, and what nobody trusts. */
export async function makeCertificates(folder: string) {
  const ca = await generate([{ name: 'commonName', value: 'TEST ONLY CA' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, ca.cert);
  const sign = async (endsInDays: number) => {
    const made = await generate([{ name: 'commonName', value: 'TEST ONLY' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      ca: { key: ca.private, cert: ca.cert },
      notBeforeDate: new Date(Date.now() - 100 * 86_400_000),
      notAfterDate: new Date(Date.now() + endsInDays * 86_400_000),
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    return { key: made.private, cert: made.cert };
  };
  return { caFile, good: await sign(90), ending: await sign(7), expired: await sign(-1) };
}
