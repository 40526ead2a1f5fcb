import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Stands between a client and a server, and does to them what a network can do. */
export interface TcpProxy {
  readonly port: number;
  /** A URL of the server, leading through the proxy; options after `?` stay. */
  urlFor(serverUrl: string): string;
  /** Forwards nothing any more; connections stay, new ones are taken, and what was sent waits. */
  hang(): void;
  /** Forwards again, what has waited first. */
  goOn(): void;
  /** Destroys every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Listens again after `cut`, on the same port. */
  restore(): Promise<void>;
  /** Forwards each piece, in each direction, `ms` after it came; 0 as at first. */
  slow(ms: number): void;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback and forwards to `port` of `host`. */
export async function startTcpProxy(port: number, host = '127.0.0.1'): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let hanging: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  let slowMs = 0;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port, host, allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay());
      socket.once('close', () => sockets.delete(socket));
      // Told to the other side by `forward`, which sees it too.
      socket.on('error', () => undefined);
    }
    void forward(client, upstream);
    void forward(upstream, client);
  });

  async function forward(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const piece of from.iterator({ destroyOnReturn: false })) {
        if (slowMs > 0) await delay(slowMs);
        await hanging?.over;
        to.write(piece);
      }
      await hanging?.over;
      to.end();
    } catch {
      // What breaks one side breaks the other, as if there were nothing between them.
      to.destroy();
    }
  }

  async function listen(on: number): Promise<number> {
    server.listen(on, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  function goOn(): void {
    hanging?.end();
    hanging = undefined;
  }

  async function cut(): Promise<void> {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  const listensOn = await listen(0);
  return {
    port: listensOn,

    urlFor(serverUrl) {
      const url = new URL(serverUrl);
      url.host = `127.0.0.1:${listensOn}`;
      return url.href;
    },

    hang() {
      if (hanging !== undefined) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      hanging = { over: promise, end: resolve };
    },

    goOn,
    cut,

    async restore() {
      await listen(listensOn);
    },

    slow(ms) {
      slowMs = ms;
    },

    async close() {
      goOn();
      if (server.listening) await cut();
    },
  };
}
