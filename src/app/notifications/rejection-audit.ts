import { DEFAULT_ORGANIZATION } from '../../domain/organization.ts';
import type { KnownSubscription } from '../../domain/subscriptions/subscription.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';

/** Writes down that items were refused, without letting a forger write the audit full. */
export interface RejectionAudit {
  /** One entry per subscription, reason and minute; never waits and never fails. */
  note(known: KnownSubscription | undefined, reason: string): void;
}

const MINUTE_MS = 60_000;
// Beyond so many different ones in a minute they share one entry.
const MAX_KEYS = 1000;

export function createRejectionAudit(deps: { audit: AuditTrail; clock: Clock }): RejectionAudit {
  let minute = 0;
  let noted = new Set<string>();

  return {
    note(known, reason) {
      const now = Math.floor(deps.clock.now() / MINUTE_MS);
      if (now !== minute) [minute, noted] = [now, new Set()];
      // Ids of strangers are theirs to make up: they share one entry for each reason.
      const full = noted.size >= MAX_KEYS;
      const resource = known === undefined || full ? undefined : `subscription/${known.id}`;
      const key = `${reason} ${resource ?? ''}`;
      if (noted.has(key)) return;
      noted.add(key);
      void deps.audit.record({
        eventType: 'SECURITY_NOTIFICATION_REJECTED',
        severity: 'MEDIUM',
        outcome: 'FAILURE',
        organizationId: known?.organizationId ?? DEFAULT_ORGANIZATION,
        resource,
        details: { reason },
      });
    },
  };
}
