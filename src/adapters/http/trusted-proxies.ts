import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;

/** Lists every proxy on the way, each adding whom it saw to the right; other headers hold one address. */
const FORWARDED_FOR = 'x-forwarded-for';
const NETWORK_GROUPS = 4;

/** As much of a request as tells where it comes from. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** The other end of a connection. */
interface Peer {
  readonly address: Address;
  readonly text: string;
  readonly isTrusted: boolean;
}

/** Who is believed about where a request comes from. */
export interface TrustedProxies {
  /** Whether the other end of the connection is one of them. */
  sent(req: Arrival): boolean;
  /** The client's address, an IPv4-mapped one as IPv4; empty when the connection has gone. */
  clientOf(req: Arrival): string;
}

/**
 * Believes `header` (in lower case) when the connection comes from one of `ranges` (CIDR), and then
 * its right-most hop that is none: what stands left of that is the client's own claim. A header that
 * holds no address there is not believed either. Throws when a range is not CIDR.
 */
export function createTrustedProxies(deps: {
  ranges: readonly string[];
  header: string;
}): TrustedProxies {
  const ranges = deps.ranges.map((range) => ipaddr.parseCIDR(range));
  const isTrusted = (address: Address) => isIn(ranges, address);

  function clientBehind(proxy: Address, hops: readonly string[]): Address {
    let client = proxy;
    for (const hop of hops.toReversed()) {
      const address = readAddress(withoutPort(hop.trim()));
      if (address === undefined) return proxy;
      client = address;
      if (!isTrusted(client)) break;
    }
    return client;
  }

  // Of each connection, since every request on it asks for it several times.
  const peers = new WeakMap<Arrival['socket'], Peer>();

  function peerOf({ socket }: Arrival): Peer | undefined {
    const known = peers.get(socket);
    if (known !== undefined) return known;
    const address = readAddress(socket.remoteAddress);
    if (address === undefined) return undefined;
    const peer = { address, text: address.toString(), isTrusted: isTrusted(address) };
    peers.set(socket, peer);
    return peer;
  }

  return {
    sent: (req) => peerOf(req)?.isTrusted === true,

    clientOf(req) {
      const peer = peerOf(req);
      if (peer === undefined) return '';
      const given = String(req.headers[deps.header] ?? '');
      if (given === '' || !peer.isTrusted) return peer.text;
      const hops = deps.header === FORWARDED_FOR ? given.split(',') : [given];
      return clientBehind(peer.address, hops).toString();
    },
  };
}

/** Whether an address is in one of the ranges (CIDR); without any range, every address is. */
export function createAddressRanges(cidrs: readonly string[]): (address: string) => boolean {
  const ranges = cidrs.map((cidr) => ipaddr.parseCIDR(cidr));
  return (text) => {
    if (ranges.length === 0) return true;
    const address = readAddress(text);
    return address !== undefined && isIn(ranges, address);
  };
}

/** Where nothing stands in front. */
export const NO_PROXIES = createTrustedProxies({ ranges: [], header: FORWARDED_FOR });

/**
 * Whom to count as one client: an IPv4 address, or the /64 of an IPv6 one, since whoever has one
 * address of it has all 2^64 (RFC 6177). Never empty.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address || 'unknown';
  const parsed = ipaddr.IPv6.parse(address);
  const groups = parsed.parts.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
}

function isIn(ranges: readonly [Address, number][], address: Address): boolean {
  return ranges.some((range) => range[0].kind() === address.kind() && address.match(range));
}

function readAddress(text: string | undefined): Address | undefined {
  // ipaddr.js alone would take 1.2.3 and 0x7f.1 as well.
  return text !== undefined && isIP(text) !== 0 && ipaddr.isValid(text)
    ? ipaddr.process(text)
    : undefined;
}

/** Some load balancers add the client's port: 192.0.2.1:50000, [2001:db8::1]:50000. */
function withoutPort(hop: string): string {
  const [, bracketed, plain] = /^(?:\[(.*)\]|([\d.]+))(?::\d{1,5})?$/.exec(hop) ?? [];
  return bracketed ?? plain ?? hop;
}
