import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { LOOPBACK_HOSTS } from './domain/host.ts';

/** What variables can be. Each error says what to set, and quotes no value: any may hold a secret. */

export function oneOf<const T extends readonly [string, ...string[]]>(...values: T) {
  return z.enum(values, { error: `must be ${values.join(' or ')}` });
}

/** On unless it says otherwise. */
export function onOff(fallback: 'true' | 'false') {
  return oneOf('true', 'false')
    .default(fallback)
    .transform((text) => text === 'true');
}

export function whole(min: number, max: number, fallback: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, { error, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error })
    .default(fallback);
}

export function listenHost(fallback: string) {
  const error = 'must be an address or a name to listen on, such as 127.0.0.1';
  return z
    .string()
    .regex(/^[\w.:-]+$/, { error })
    .default(fallback);
}

/** A page or an endpoint of somebody's: no user, no fragment. */
export function webUrl(...protocols: readonly ('http:' | 'https:')[]) {
  const schemes = protocols.map((protocol) => `${protocol}//`).join(' or ');
  const error = `must be a URL that begins with ${schemes}, without a user and a fragment`;
  return z
    .string()
    .refine(
      (text) => {
        const url = URL.parse(text);
        const allowed: readonly string[] = protocols;
        return url !== null && allowed.includes(url.protocol) && isBare(url, text);
      },
      { error },
    )
    .optional();
}

/**
 * Where an API of somebody's begins, as `https://host:port`: paths are put behind it. In clear only to
 * this machine itself, where a simulator may be: secrets travel to it.
 */
export function apiOrigin() {
  const error =
    'must be https://, a host and no path, such as https://graph.microsoft.com; http:// only for localhost';
  return z
    .string()
    .refine(
      (text) => {
        const url = URL.parse(text);
        return url !== null && isOrigin(url, text) && isUnheard(url);
      },
      { error, abort: true },
    )
    .transform((text) => new URL(text).origin)
    .optional();
}

function isOrigin(url: URL, text: string): boolean {
  return url.pathname === '/' && !text.includes('?') && isBare(url, text);
}

/** Whether nobody on the way can read what is sent there. */
function isUnheard({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true;
  return protocol === 'http:' && LOOPBACK_HOSTS.has(hostname);
}

/** In lower case, as Microsoft compares them. */
export function guid() {
  const error = 'must be a GUID, such as 01234567-89ab-cdef-0123-456789abcdef';
  return z.guid({ error }).toLowerCase().optional();
}

/** A tenant as Microsoft Entra takes it: by its id, or by a domain that was verified for it. */
export function tenant() {
  const error =
    'must be a GUID, or a domain of the tenant such as contoso.onmicrosoft.com: one tenant, not common or organizations';
  return z
    .string()
    .toLowerCase()
    .refine((text) => z.guid().safeParse(text).success || DOMAIN.test(text), { error })
    .optional();
}

const DOMAIN = /^(?=.{1,253}$)(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z][a-z\d-]{0,61}[a-z\d]$/;

/** `URL` takes an empty fragment for none. */
function isBare({ username, password }: URL, text: string): boolean {
  return username === '' && password === '' && !text.includes('#');
}

export function ranges() {
  const error =
    'must be address ranges such as 10.0.0.0/8,fd00::/8, comma-separated: IPv4 as four numbers without leading zeros, and not inside IPv6';
  return z
    .string()
    .default('')
    .transform(splitList)
    .refine((given) => given.every(isRange), { error });
}

/**
 * ipaddr.js alone would take 10/8 for 0.0.0.10/8 and 010.0.0.0/8 for 8.0.0.0/8. Clients that come as
 * IPv4 inside IPv6 are compared as IPv4, so that a range of such addresses would hold none of them.
 */
function isRange(text: string): boolean {
  const [, address = ''] = /^([\da-f.:]+)\/(?:0|[1-9]\d{0,2})$/i.exec(text) ?? [];
  if (isIP(address) === 0 || !ipaddr.isValidCIDR(text)) return false;
  return isIP(address) === 4 || !ipaddr.IPv6.parse(address).isIPv4MappedAddress();
}

/** Names and addresses as a Host header has them, the port aside, in lower case; `*` is any. */
export function hosts() {
  const error =
    'must be host names without ports, such as gateway.example.com, comma-separated, or *';
  return z
    .string()
    .toLowerCase()
    .default('')
    .transform(splitList)
    .refine((given) => given.every(isHost) || (given.length === 1 && given[0] === '*'), { error })
    .transform((given) => given.map((host) => URL.parse(`http://${host}`)?.hostname ?? host));
}

/** An IPv6 address has many spellings; the one of `URL` is what browsers and others send. */
function isHost(text: string): boolean {
  if (/^\[[0-9a-f:.]+\]$/.test(text)) return URL.canParse(`http://${text}`);
  return /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/.test(text);
}

export function splitList(text: string): readonly string[] {
  return text.split(',').flatMap((entry) => entry.trim() || []);
}
