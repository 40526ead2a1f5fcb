import { createLimiters, NO_LIMITERS } from '../adapters/http/middleware/limiters.ts';
import { createAddressRanges, createTrustedProxies } from '../adapters/http/trusted-proxies.ts';
import { createNoteRefusal } from '../app/audit/refusals.ts';
import { createFindCredential } from '../app/identity/find-credential.ts';
import type { Limits } from '../app/limits.ts';
import type { Config } from '../config.ts';
import type { Basics } from './basics.ts';
import type { Stores } from './stores.ts';

export type Edge = ReturnType<typeof createEdge>;

/** Who asks, from where, how often, and what is said of those who are turned away. */
export function createEdge(config: Config, basics: Basics, stores: Stores) {
  const limits = createLimits(config, stores);
  const proxies = createTrustedProxies({
    ranges: config.trustedProxies,
    header: config.clientAddressHeader,
  });
  const noteRefusal = createNoteRefusal({ ...basics, audit: stores.audit });
  const findCredential = createFindCredential({
    ...basics,
    isAdminAddress: createAddressRanges(config.edge.adminAllowedIps),
    limits,
  });
  const limiters =
    limits === undefined ? NO_LIMITERS : createLimiters({ ...basics, limits, noteRefusal });
  const edge = { ...config.edge, requestTimeoutMs: config.requestTimeoutMs };
  return { edge, limits, proxies, noteRefusal, findCredential, limiters };
}

function createLimits(config: Config, { rates }: Stores): Limits | undefined {
  const { rateLimits: policies, instances } = config;
  return policies === undefined ? undefined : { store: rates, policies, instances };
}
