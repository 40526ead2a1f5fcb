import ipaddr from 'ipaddr.js';
import { type Finding, ok, warn } from './finding.ts';

const CHECK = 'trusted proxies';

// No network of one's own is wider than 10.0.0.0/8, and no range that a CDN connects from than these.
const WIDEST = {
  ipv4: { private: 8, public: 12 },
  ipv6: { private: 16, public: 28 },
} as const;

/** Whether `TRUSTED_PROXIES` (valid CIDRs) can be proxies only: everybody in them is believed. */
export function judgeTrustedProxies(ranges: readonly string[]): Finding {
  if (ranges.length === 0) return ok(CHECK, 'none: no header names a client');
  const wide = ranges.filter(isTooWide);
  if (wide.length === 0) return ok(CHECK, ranges.join(', '));
  return warn(
    CHECK,
    `${wide.join(', ')}: who comes from there names any client, and no limit by address holds`,
    'Narrow TRUSTED_PROXIES to what the proxy connects from, such as 127.0.0.1/32',
  );
}

function isTooWide(range: string): boolean {
  const [address, bits] = ipaddr.parseCIDR(range);
  const widest = WIDEST[address.kind()];
  return bits < (isPublic(range) ? widest.public : widest.private);
}

/** By both of its ends. */
function isPublic(range: string): boolean {
  const { IPv4, IPv6 } = ipaddr;
  const kind = IPv4.isValidCIDR(range) ? IPv4 : IPv6;
  const ends = [kind.networkAddressFromCIDR(range), kind.broadcastAddressFromCIDR(range)];
  return ends.some((end) => end.range() === 'unicast');
}
