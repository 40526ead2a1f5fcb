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

/**
 * Whether the service can tell clients apart: a proxy that is not trusted looks like the only client
 * there is. `headers` are those of the public answer, in which proxies leave their marks.
 */
export function judgeClientAddress(
  { ipAddress, viaTrustedProxy }: SeenClient,
  headers: IncomingHttpHeaders,
): Finding {
  const isProxied = hasProxy(headers);
  const isPublic = isPublicAddress(ipAddress);
  if (isPublic && (viaTrustedProxy || !isProxied)) {
    return ok(CHECK, `sees clients as such: this machine came as ${ipAddress}`);
  }
  if (viaTrustedProxy && !isProxied) {
    const found = `came as ${ipAddress}: either this machine in its own network, or the proxy`;
    return skipped(CHECK, `${found}; ask from another network`);
  }
  const remedy = remedyFor({ ipAddress, viaTrustedProxy }, headers);
  if (!isProxied && isPrivateAddress(ipAddress)) {
    return warn(
      CHECK,
      `came as ${ipAddress}: is that the proxy or tunnel, or this machine in its own network?`,
      `If it is the proxy: ${remedy}. If it is this machine, nothing: ask from another network to be sure`,
    );
  }
  return warn(
    CHECK,
    `came as ${ipAddress}: everybody behind the proxy or tunnel is one client to the limits`,
    remedy,
  );
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

/** Of a network; loopback is the proxy's, since the service itself speaks no TLS. */
function isPrivateAddress(text: string): boolean {
  return ipaddr.isValid(text) && !['unicast', 'loopback'].includes(ipaddr.process(text).range());
}

function hasProxy(headers: IncomingHttpHeaders): boolean {
  const names = Object.keys(headers);
  return (
    isCloudflare(headers) ||
    names.some((name) => name === 'via' || name === 'forwarded' || name.startsWith('x-forwarded'))
  );
}
