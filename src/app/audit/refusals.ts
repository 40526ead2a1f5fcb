import { DEFAULT_ORGANIZATION } from '../../domain/organization.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { createOnceAMinute } from './once-a-minute.ts';

/** A request that the edge of the service did not let through. */
export interface Refusal {
  /** One too many; with a wrong credential; as an administrator from where none is taken. */
  readonly kind: 'rate-limit' | 'credential' | 'address';
  /** Which limit it was over. */
  readonly policy?: string;
  /** Where it came from; empty when its connection has gone. */
  readonly ipAddress: string;
  /** All addresses that count as one client: an IPv6 one has 2^64 of its own. */
  readonly network: string;
  /** The pattern of its route: paths themselves can hold tokens. */
  readonly path: string;
  readonly userAgent: string;
  readonly requestId: string;
}

const EVENT_TYPES = {
  'rate-limit': 'SECURITY_RATE_LIMIT_EXCEEDED',
  credential: 'AUTH_CREDENTIAL_REFUSED',
  address: 'SECURITY_ADDRESS_REFUSED',
} as const;

const MESSAGES = {
  'rate-limit': 'rate limit exceeded',
  credential: 'credential refused',
  address: 'administrator refused by address',
} as const;

// Of UTF-8: strangers choose what it is, and it is kept for as long as the audit.
const MAX_USER_AGENT_BYTES = 256;

/**
 * Logs and counts every refusal, and writes one a minute for each kind, limit and network into the
 * audit. Never waits and never fails.
 */
export function createNoteRefusal(deps: {
  audit: Pick<AuditTrail, 'record'>;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}): (refusal: Refusal) => void {
  const meet = createOnceAMinute(deps.clock);

  return function noteRefusal({ kind, policy, ipAddress, network, path, requestId, ...from }) {
    const userAgent = firstBytes(from.userAgent, MAX_USER_AGENT_BYTES);
    const where = { ipAddress, path, userAgent, requestId };
    deps.log.warn({ ...(policy === undefined ? {} : { policy }), ...where }, MESSAGES[kind]);
    if (policy !== undefined) deps.metrics.count('rate_limit_exceeded_total', { policy });
    const reason = `${kind} ${policy ?? ''}`;
    const met = meet(`${reason} ${network}`, reason);
    if (met === undefined) return;
    const who = { ipAddress: ipAddress || undefined, userAgent: userAgent || undefined };
    void deps.audit.record({
      eventType: EVENT_TYPES[kind],
      severity: 'MEDIUM',
      outcome: 'FAILURE',
      organizationId: DEFAULT_ORGANIZATION,
      requestId,
      ...(met === 'own' ? who : {}),
      details: { path, ...(policy === undefined ? {} : { policy }) },
    });
  };
}

/** As many whole characters as have room. */
function firstBytes(text: string, bytes: number): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(bytes)).read);
}
