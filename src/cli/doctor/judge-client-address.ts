import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from '../../config.ts';
import { type Finding, ok, skipped, warn } from './finding.ts';
import { isCloudflare } from './judge-in-front.ts';

const CHECK = 'client address';

/**
 * Whether the service can tell clients apart, by what the public answer shows of proxies: one that is
 * not trusted looks like the only client there is.
 */
export function judgeClientAddress(
  config: Pick<Config, 'trustedProxies' | 'clientAddressHeader'> | undefined,
  headers: IncomingHttpHeaders,
): Finding {
  if (config === undefined) return skipped(CHECK, 'the configuration cannot be used');
  const { trustedProxies, clientAddressHeader } = config;
  if (trustedProxies.length > 0) {
    return ok(CHECK, `${clientAddressHeader} of ${trustedProxies.join(', ')} is believed`);
  }
  if (!hasProxy(headers)) return skipped(CHECK, 'no sign of a proxy, and none is trusted');
  const header = isCloudflare(headers) ? 'cf-connecting-ip' : 'x-forwarded-for';
  return warn(
    CHECK,
    'everybody behind the tunnel is one client to the limits',
    `Set TRUSTED_PROXIES=127.0.0.1/32 (or the range that the proxy connects from) and CLIENT_ADDRESS_HEADER=${header}`,
  );
}

function hasProxy(headers: IncomingHttpHeaders): boolean {
  const names = Object.keys(headers);
  return (
    isCloudflare(headers) ||
    names.some((name) => name === 'via' || name === 'forwarded' || name.startsWith('x-forwarded'))
  );
}
