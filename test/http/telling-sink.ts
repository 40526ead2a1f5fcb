import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';

/** One answer of a sink that tells too much. */
export interface Telling {
  readonly status: number;
  readonly said: string;
}

/**
 * A webhook over TLS that puts `said` wherever an answer can hold a text. The first part of the path
 * is the status it answers; `broken` is no HTTP.
 */
export async function startTellingSink(said: (part: string) => string) {
  const pair = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  let asked = 0;
  const server = createServer({ key: pair.private, cert: pair.cert }, (req, res) => {
    asked += 1;
    req.resume();
    const part = (req.url ?? '').split('/')[1] ?? '';
    if (part === 'broken')
      return void req.socket.end(`HTTP/1.1 2x0 ${said('status-text')}\r\n\r\n`);
    const headers = {
      Location: `https://127.0.0.1:1/${said('location')}`,
      'Set-Cookie': `session=${said('cookie')}`,
      'Retry-After': said('retry-after'),
      'X-Told': said('header'),
    };
    res.writeHead(Number(part), said('status-text'), headers).end(`because ${said('body')}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `https://127.0.0.1:${port}`,
    /** To be trusted. */
    certificate: pair.cert,
    asked: () => asked,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
