import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Clock } from '../../ports/clock.ts';
import type { AddressGuard } from './address-guard.ts';
import { ConnectError } from './connect-error.ts';

const KEEP_ALIVE_PROBE_MS = 60_000;

/** Opens connections to allowed addresses for undici. */
export interface Connector {
  readonly connect: buildConnector.connector;
  /** Gives up what is still being connected. */
  close(): void;
}

/**
 * Connects within `timeoutMs`, the look-up and the TLS handshake included; HTTP/1.1 only. Errors
 * are `ConnectError`s. `ca` (PEM) is trusted instead of the usual authorities.
 */
export function createConnector(deps: {
  guard: AddressGuard;
  clock: Clock;
  timeoutMs: number;
  ca?: string | undefined;
}): Connector {
  const connecting = new Set<Socket>();

  function open({ hostname, protocol, port }: buildConnector.Options): Socket {
    const { lookup } = deps.guard;
    if (protocol === 'http:') {
      return connectTcp({ host: hostname, port: Number(port || 80), lookup });
    }
    const servername = isIP(hostname) === 0 ? hostname : ''; // RFC 6066 §3: no address in SNI
    const tls = { servername, ALPNProtocols: ['http/1.1'], ca: deps.ca };
    return connectTls({ host: hostname, port: Number(port || 443), lookup, ...tls });
  }

  function connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    // A literal address is never looked up, so it is checked here.
    if (isIP(options.hostname) !== 0 && !deps.guard.allows(options.hostname)) {
      queueMicrotask(() => callback(new ConnectError('address-refused'), null));
      return;
    }
    const socket = open(options);
    const isSecure = options.protocol === 'https:';
    let phase: 'connection' | 'tls' | 'open' = 'connection';
    const stopTimer = deps.clock.after(deps.timeoutMs, () => {
      socket.destroy(new ConnectError('timeout'));
    });
    connecting.add(socket);

    function leave(): void {
      stopTimer();
      connecting.delete(socket);
    }

    socket
      .setNoDelay(true)
      .setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
      .once('connect', () => {
        phase = 'tls';
      })
      .once(isSecure ? 'secureConnect' : 'connect', () => {
        phase = 'open';
        leave();
        callback(null, socket);
      })
      // Stays for good: an error without a listener ends the process.
      .on('error', (error) => {
        if (phase === 'open') return;
        leave();
        callback(error instanceof ConnectError ? error : new ConnectError(phase, error), null);
      });
  }

  return {
    connect,
    close() {
      for (const socket of connecting) socket.destroy(new ConnectError('connection'));
    },
  };
}
