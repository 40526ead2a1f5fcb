import type { IncomingHttpHeaders } from 'node:http';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Finding, ok, skipped, warn } from './finding.ts';
import { isCloudflare } from './judge-in-front.ts';

const CHECK = 'client address';

/** As whom the service saw this machine, when it came in over the public URL. */
export interface SeenClient {
  readonly ipAddress: string;
  /** Whether the connection came from one of `TRUSTED_PROXIES`. */
  readonly viaTrustedProxy: boolean;
}

/** Who this machine is, as others than the service say. */
export interface Caller {
  /** Those of its network interfaces. */
  readonly ownAddresses: readonly string[];
  /** Whom Cloudflare sees coming; `undefined` when it is not in front, or does not say. */
  readonly atCloudflare: string | undefined;
}

/**
 * Whether the service can tell clients apart: a proxy that is not trusted looks like the only client
 * there is. `headers` are those of the public answer, in which proxies leave their marks.
 */
export function judgeClientAddress(
  seen: SeenClient,
  headers: IncomingHttpHeaders,
  caller: Caller,
): Finding {
  const { ipAddress, viaTrustedProxy } = seen;
  const isProxied = hasProxy(headers);
  if (viaTrustedProxy && isPublicAddress(ipAddress)) {
    return isCloudflare(headers)
      ? judgeByCloudflare(ipAddress, remedyFor(seen, headers), caller)
      : judgeNamed(ipAddress, caller);
  }
  if (viaTrustedProxy && !isProxied) {
    const found = `came as ${ipAddress}: either this machine in its own network, or the proxy`;
    return skipped(CHECK, `${found}; ask from another network`);
  }
  const remedy = remedyFor(seen, headers);
  if (!isProxied && mayBeThisMachine(ipAddress)) {
    return warn(
      CHECK,
      `came as ${ipAddress}: is that the proxy or tunnel, or this machine?`,
      `If it is the proxy: ${remedy}. If it is this machine, nothing: ask from another network to be sure`,
    );
  }
  return warn(
    CHECK,
    `came as ${ipAddress}: everybody behind the proxy or tunnel is one client to the limits`,
    remedy,
  );
}

/**
 * A trusted proxy behind Cloudflare names either the client or an edge, which has a public address, too.
 * Its ranges are not compared with: a list of them would be out of date one day, and say ok.
 */
function judgeByCloudflare(ipAddress: string, remedy: string, { atCloudflare }: Caller): Finding {
  if (atCloudflare === undefined) {
    return warn(
      CHECK,
      `came as ${ipAddress}: this machine, or an edge of Cloudflare, which does not say`,
      `Compare it with the ip= of /cdn-cgi/trace, asked from here at the public name. If it is another: ${remedy}`,
    );
  }
  if (isSame(ipAddress, atCloudflare)) return seesClients(ipAddress);
  return warn(
    CHECK,
    `came as ${ipAddress}, and to Cloudflare as ${atCloudflare}: all clients of an edge are one to the limits`,
    `${remedy}. If both are addresses of this machine, ask again`,
  );
}

/** As a trusted proxy, and nobody beside it, says. Load balancers leave no marks. */
function judgeNamed(ipAddress: string, { ownAddresses }: Caller): Finding {
  if (ownAddresses.some((own) => isSame(ipAddress, own))) return seesClients(ipAddress);
  const found = `came as ${ipAddress}: either this machine, or another proxy before the trusted one`;
  return skipped(CHECK, `${found}; ask from another network, from where it has to be another`);
}

function seesClients(ipAddress: string): Finding {
  return ok(CHECK, `sees clients as such: this machine came as ${ipAddress}`);
}

/** Without an entry for the public answer: whoever gave it was not the instance that was asked. */
export function judgeUnseen(instances: number | undefined): Finding {
  if (instances === undefined) {
    return skipped(CHECK, 'another instance answered the public URL, or another service');
  }
  if (instances === 1) {
    return skipped(CHECK, 'another service answered the public URL than the one at --url');
  }
  return skipped(CHECK, `another of the ${instances} instances answered: try again`);
}

function remedyFor(seen: SeenClient, headers: IncomingHttpHeaders): string {
  const header = `CLIENT_ADDRESS_HEADER=${isCloudflare(headers) ? 'cf-connecting-ip' : 'x-forwarded-for'}`;
  if (seen.viaTrustedProxy) {
    return `Set ${header}, let the proxy send that header, and name every proxy on the way in TRUSTED_PROXIES`;
  }
  const { ipAddress } = seen;
  const range = `${ipAddress}/${isIPv6(ipAddress) ? 128 : 32}`;
  return `Set TRUSTED_PROXIES=${range} (or the range that the proxy connects from) and ${header}`;
}

function isPublicAddress(text: string): boolean {
  return ipaddr.isValid(text) && ipaddr.process(text).range() === 'unicast';
}

/** Loopback is the proxy's, since the service itself speaks no TLS. */
function mayBeThisMachine(text: string): boolean {
  return ipaddr.isValid(text) && ipaddr.process(text).range() !== 'loopback';
}

/** However they are written. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => ipaddr.process(text).toString());
  return a === b;
}

function hasProxy(headers: IncomingHttpHeaders): boolean {
  const names = Object.keys(headers);
  return (
    isCloudflare(headers) ||
    names.some((name) => name === 'via' || name === 'forwarded' || name.startsWith('x-forwarded'))
  );
}
