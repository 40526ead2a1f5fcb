import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ConnectError } from './connect-error.ts';

type Address = ReturnType<typeof ipaddr.parse>;
type Cidr = ReturnType<typeof ipaddr.parseCIDR>;

/** `dns.lookup`, as far as it is used here. */
export type LookupAll = (
  hostname: string,
  options: { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Keeps sinks from reaching into the network that this service stands in (SSRF). */
export interface AddressGuard {
  allows(address: string): boolean;
  /** For `net.connect`: gives the allowed addresses only, so the checked one is the connected one. */
  readonly lookup: LookupFunction;
}

// Global unicast, RFC 4291 §2.4. What is not in it and not named special is unassigned, or an
// obsolete way to write an IPv4 address (::127.0.0.1).
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');

/**
 * Public addresses are allowed, others in these ranges (CIDR) only, loopback as a whole when asked
 * for. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo) is not public, whatever it
 * leads to. Throws when a range is not CIDR.
 */
export function createAddressGuard(deps: {
  allowedAddresses: readonly string[];
  allowLoopback: boolean;
  lookup: LookupAll;
}): AddressGuard {
  const ranges = deps.allowedAddresses.map((range) => ipaddr.parseCIDR(range));

  function allows(text: string): boolean {
    // ipaddr.js alone would take 1.2.3 and 0x7f.1 as well.
    if (isIP(text) === 0 || !ipaddr.isValid(text)) return false;
    const address = ipaddr.parse(text);
    const isAllowedLoopback = deps.allowLoopback && address.range() === 'loopback';
    return isPublic(address) || isAllowedLoopback || ranges.some((range) => within(address, range));
  }

  const lookUp = sharedLookup(deps.lookup);
  const lookup: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, options, (error, addresses) => {
      if (error !== null) return callback(new ConnectError('dns', error), []);
      const allowed = addresses.filter(({ address }) => allows(address));
      const [first] = allowed;
      if (first === undefined) return callback(new ConnectError('address-refused'), []);
      return options.all ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };

  return { allows, lookup };
}

type Answer = Parameters<LookupAll>[2];

/**
 * One look-up at a time of each name, for all who ask meanwhile. It cannot be cancelled and has a
 * thread of libuv for as long as it takes: without this, the tries of one sink whose name server is
 * silent have all of them. What it found is not kept: the next connection asks and checks anew.
 */
function sharedLookup(lookup: LookupAll) {
  const waiting = new Map<string, Answer[]>();

  return function lookUp(hostname: string, options: LookupOptions, answer: Answer): void {
    const name = JSON.stringify([hostname, options]);
    const others = waiting.get(name);
    if (others !== undefined) {
      others.push(answer);
      return;
    }
    const answers = [answer];
    let isOver = false;
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      isOver = true;
      waiting.delete(name);
      for (const tell of answers) tell(error, addresses);
    });
    if (!isOver) waiting.set(name, answers);
  };
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || within(address, GLOBAL_IPV6);
}

function within(address: Address, range: Cidr): boolean {
  return address.kind() === range[0].kind() && address.match(range);
}
