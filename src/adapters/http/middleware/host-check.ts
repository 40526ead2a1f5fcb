import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Middleware } from 'koa';
import { HostNotAllowedError } from '../../../domain/errors.ts';
import { LOOPBACK_HOSTS } from '../../../domain/host.ts';

const LOOPBACK_ADDRESS = /^(?:127\.|::1$|::ffff:127\.)/;

/** What `ALLOWED_HOSTS` says. */
export type AllowedHosts = 'any' | readonly string[];

/**
 * Serves the hosts that it was told to, and no other: a page whose own name was made to resolve to
 * this service (DNS rebinding) still sends that name. Who speaks to it from the same machine, and by a
 * name of that machine, is served in any case.
 */
export function hostCheck(allowed: AllowedHosts): Middleware {
  const isServed = servedHosts(allowed);

  return function hostCheckMiddleware(ctx, next) {
    if (!isServed(ctx.req)) {
      throw new HostNotAllowedError('This host is not served here; see ALLOWED_HOSTS');
    }
    return next();
  };
}

/** The rule alone, for what answers under any host. */
export function servedHosts(allowed: AllowedHosts): (req: IncomingMessage) => boolean {
  if (allowed === 'any') return () => true;
  const names = new Set(allowed);

  return function isServed(req) {
    const name = nameOf(req.headers.host ?? '');
    if (names.has(name)) return true;
    return LOOPBACK_HOSTS.has(name) && LOOPBACK_ADDRESS.test(req.socket.remoteAddress ?? '');
  };
}

/**
 * The same for what only the inside is to reach, by whatever name: addresses, and names without a dot,
 * which nobody else can have in the DNS.
 */
export function insideHostCheck(allowed: AllowedHosts): Middleware {
  const check = hostCheck(allowed);

  return function insideHostCheckMiddleware(ctx, next) {
    const name = nameOf(ctx.req.headers.host ?? '');
    const isInside = isIP(name.replaceAll(/[[\]]/g, '')) !== 0 || /^[\w-]+$/.test(name);
    return isInside ? next() : check(ctx, next);
  };
}

/** Without the port and the dot of the root, in lower case (RFC 3986 §3.2.2). */
function nameOf(host: string): string {
  const [, name = ''] = /^(\[[\da-f:.]*\]|[^:[\]]*)(?::\d{0,5})?$/.exec(host.toLowerCase()) ?? [];
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
