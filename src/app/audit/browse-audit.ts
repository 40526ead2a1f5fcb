import type { RecordedAuditEntry } from '../../domain/audit/audit-entry.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { AuditQuery, AuditTrail } from '../../ports/audit-trail.ts';

export type BrowseAudit = ReturnType<typeof createBrowseAudit>;

/** What was done in an organisation, by whom, and how it ended. */
export function createBrowseAudit(deps: { audit: AuditTrail }) {
  return {
    search(
      principal: Principal,
      query: AuditQuery,
      page: PageRequest,
    ): Promise<Page<RecordedAuditEntry>> {
      return deps.audit.search(principal.organizationId, query, page);
    },
  };
}
