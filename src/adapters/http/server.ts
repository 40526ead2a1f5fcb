import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import { types } from 'node:util';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { trackConnections } from './connections.ts';
import type { Problem } from './present-error.ts';
import { ambiguityOf, answerOn, createRefusals, REFUSALS, refusalOf } from './refusals.ts';
import { ALL_HEADERS, type SecurityHeaderOptions } from './security-headers.ts';
import { NO_PROXIES, type TrustedProxies } from './trusted-proxies.ts';

const LIMITS = {
  /** To the last header, against those who send a byte a second (Slowloris). */
  headersTimeout: 10_000,
  /** To the last byte of the body. Routes that must be quicker have limits of their own. */
  requestTimeout: 30_000,
  /** How often these two are looked at. */
  connectionsCheckingInterval: 1000,
  /** Above the idle time of common load balancers (60 s), so that they close first. */
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  /** Node's own answer to a missing Host has neither our headers nor our shape. */
  requireHostHeader: false,
  /**
   * On a connection where nothing moves, such as of a client that does not read its answer. Streams say
   * more often that they are alive.
   */
  idleTimeout: 120_000,
};

const MAX_CONNECTIONS = 10_000;

/** How long a refused client may take to read why. */
const LINGER_MS = 1000;

/** How long the answer may take that is still waited for when what came after is no request. */
const FINISH_MS = 30_000;

/** Of the event loop, before it listens no more. */
const ACCEPT_TURNS = 4;

/** How long a listener that closes waits for its clients. */
export interface ClosePatience {
  /** For those that wait for no answer: they may be sending right now. */
  readonly graceMs: number;
  /** For those that do, and may not read it. */
  readonly cutAfterMs: number;
}

/** Nobody is sending, and everybody reads. */
const NO_PATIENCE: ClosePatience = { graceMs: 0, cutAfterMs: 10_000 };

/** How often connections that have come to wait for nothing are looked for. */
const LOOK_EVERY_MS = 100;

/** A listener that is open. */
export interface HttpListener {
  /** With the port that was taken when 0 was asked for. */
  readonly url: string;
  /** Goes on serving, and lets each client connect anew for its next request. */
  drain(): void;
  /**
   * Listens no more and resolves when the answers in flight have been given, or were cut off. Gives how
   * many connections had to be.
   */
  close(patience?: ClosePatience): Promise<number>;
}

/** Opens a listener; rejects with a sentence that names host, port and reason when it cannot. */
export async function openHttpServer(deps: {
  handler: RequestListener;
  digest: Digest;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  host: string;
  port: number;
  /** The variables that these two come from, for the sentence. */
  setBy?: string;
  /** More at a time are closed as they come. */
  maxConnections?: number;
  proxies?: TrustedProxies;
  securityHeaders?: SecurityHeaderOptions;
  limits?: Partial<typeof LIMITS>;
}): Promise<HttpListener> {
  const { idleTimeout, ...limits } = { ...LIMITS, ...deps.limits };
  const server = createServer(limits);
  server.timeout = idleTimeout;
  server.maxConnections = deps.maxConnections ?? MAX_CONNECTIONS;
  const connections = trackConnections(server);
  const { refuse, note } = createRefusals({
    securityHeaders: ALL_HEADERS,
    proxies: NO_PROXIES,
    ...deps,
  });
  const refused = new WeakSet<Duplex>();
  const broken = new WeakSet<Duplex>();
  let draining = false;

  server.on('request', (req, res) => {
    if (refused.has(req.socket)) return; // it may be anything: a part of what was refused, too
    // Node passes over what follows a request to upgrade, and would answer the next but one.
    if (draining || req.headers.upgrade !== undefined) res.setHeader('Connection', 'close');
    const ambiguity = ambiguityOf(req);
    if (ambiguity === undefined) return deps.handler(req, res);
    refused.add(req.socket);
    refuse(res, ambiguity);
  });
  server.on('checkExpectation', (req, res) => {
    refused.add(req.socket);
    refuse(res, REFUSALS.expectation);
  });
  server.on('connect', (_req, connection) => {
    // Node has let go of it: a reset that nobody hears would end the process, and silence never ends.
    connection.on('error', () => undefined).resume();
    refuseNext(connection, REFUSALS.method);
  });
  server.on('clientError', (error, connection) => {
    if (broken.has(connection)) return; // Node says it again of all that still comes
    broken.add(connection);
    refuseNext(connection, refusalOf(error));
  });
  await listen(server, deps);

  function drain(): void {
    draining = true;
    connections.endWithNextAnswer();
  }

  /** Refuses what comes next on a connection, and ends it. */
  function refuseNext(connection: Duplex, problem: Problem): void {
    const pending = connections.answerOf(connection);
    if (connections.isAnswered(connection)) {
      connection.end(); // another answer would pass for that of the next request
    } else if (pending?.req.complete === true) {
      // That request is whole and may have been done: told otherwise, its client would send it again.
      if (!pending.headersSent) pending.setHeader('Connection', 'close');
      if (!connection.destroyed) note(pending, problem);
    } else {
      const answer = pending ?? answerOn(connection);
      if (answer !== undefined) refuse(answer, problem);
    }
    endAfter(connection, pending);
  }

  /** Ends a connection on which nothing can follow, once the answer that it waits for is out. */
  function endAfter(connection: Duplex, pending: ServerResponse | undefined): void {
    if (pending === undefined) return cutAfter(connection, LINGER_MS);
    cutAfter(connection, FINISH_MS);
    pending.once('close', () => {
      connection.end();
      cutAfter(connection, LINGER_MS);
    });
  }

  function cutAfter(connection: Duplex, ms: number): void {
    connection.once(
      'close',
      deps.clock.after(ms, () => connection.destroy()),
    );
  }

  return {
    url: urlOf(server),
    drain,
    async close({ graceMs, cutAfterMs } = NO_PATIENCE) {
      // Whoever has connected is taken in first: the system cuts those off that still wait for it, and
      // a busy service may not have looked for a while. Before anybody is asked to connect anew.
      for (let turn = 0; turn < ACCEPT_TURNS && !draining; turn += 1) await setImmediate();
      drain();
      const closed = once(server, 'close');
      // Not `server.close()`: that ends every connection which waits for no answer, at once.
      NetServer.prototype.close.call(server);
      const stopLooking = lookForIdle(graceMs);
      let cut = 0;
      const stopWaiting = deps.clock.after(cutAfterMs, () => {
        cut = connections.cutAll();
      });
      await closed;
      stopLooking();
      stopWaiting();
      return cut;
    },
  };

  /** Again and again: an answer may end at any time, and leave its connection open. */
  function lookForIdle(graceMs: number): Cancel {
    if (graceMs === 0) connections.endIdle();
    let cancel = deps.clock.after(graceMs, look);
    function look(): void {
      connections.endIdle();
      cancel = deps.clock.after(LOOK_EVERY_MS, look);
    }
    return () => cancel();
  }
}

async function listen(
  server: Server,
  { host, port, setBy }: { host: string; port: number; setBy?: string },
): Promise<void> {
  const listening = once(server, 'listening');
  server.listen(port, host);
  try {
    await listening;
  } catch (cause) {
    const by = setBy === undefined ? '' : ` (${setBy})`;
    throw new Error(`Cannot listen on ${host}:${port}${by}${whyNot(cause)}`, { cause });
  }
}

function whyNot(cause: unknown): string {
  switch (types.isNativeError(cause) && 'code' in cause ? cause.code : undefined) {
    case 'EADDRINUSE':
      return ': the port is taken';
    case 'EADDRNOTAVAIL':
      return ': this machine has no such address';
    case 'EACCES':
      return ': this user may not take the port';
    case 'ENOTFOUND':
      return ': nobody knows this host';
    default:
      return '';
  }
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Not listening on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
