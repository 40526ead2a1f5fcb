import type { AuditEntry } from '../../domain/audit/audit-entry.ts';
import { actorOf, type Principal } from '../../domain/identity/principal.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';

/** What somebody did; with success and of medium severity where it says nothing else. */
export type Act = Pick<AuditEntry, 'eventType' | 'resource' | 'action' | 'details'> &
  Partial<Pick<AuditEntry, 'severity' | 'outcome'>>;

/** Writes down who did what; resolves once that is durable, or cannot become so. */
export async function recordAct(audit: AuditTrail, principal: Principal, act: Act): Promise<void> {
  await audit.record({ severity: 'MEDIUM', outcome: 'SUCCESS', ...actorOf(principal), ...act });
}
