import { DEFAULT_ORGANIZATION } from '../../domain/organization.ts';
import type { KnownSubscription } from '../../domain/subscriptions/subscription.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import { createOnceAMinute } from '../audit/once-a-minute.ts';

/** Writes down that items were refused, without letting a forger write the audit full. */
export interface RejectionAudit {
  /** One entry per subscription, reason and minute; never waits and never fails. */
  note(known: KnownSubscription | undefined, reason: string): void;
}

export function createRejectionAudit(deps: { audit: AuditTrail; clock: Clock }): RejectionAudit {
  const meet = createOnceAMinute(deps.clock);

  return {
    note(known, reason) {
      // Ids of strangers are theirs to make up: they share one entry for each reason.
      const resource = known && `subscription/${known.id}`;
      const met = meet(`${reason} ${resource ?? ''}`, `${reason} `);
      if (met === undefined) return;
      void deps.audit.record({
        eventType: 'SECURITY_NOTIFICATION_REJECTED',
        severity: 'MEDIUM',
        outcome: 'FAILURE',
        organizationId: known?.organizationId ?? DEFAULT_ORGANIZATION,
        resource: met === 'own' ? resource : undefined,
        details: { reason },
      });
    },
  };
}
