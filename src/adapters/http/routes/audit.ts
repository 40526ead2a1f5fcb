import { z } from 'zod';
import type { BrowseAudit } from '../../../app/audit/browse-audit.ts';
import type { RecordedAuditEntry } from '../../../domain/audit/audit-entry.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { principalOf } from '../request-state.ts';
import { line, page, time } from '../schemas.ts';
import { createRouter, type Routes } from '../router.ts';

const Query = z.strictObject({
  eventType: line(100).optional(),
  severity: z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']).optional(),
  outcome: z.enum(['SUCCESS', 'FAILURE', 'ERROR']).optional(),
  userId: line(200).optional(),
  resource: line(200).optional(),
  from: time.optional(),
  before: time.optional(),
  ...page,
});

/** Who did what. */
export function auditRoutes(deps: { audit: BrowseAudit }): Routes {
  const router = createRouter('/api/audit');

  router.get('/', async function searchAudit(ctx) {
    const { limit, cursor, ...query } = parse(Query, ctx.query);
    const found = await deps.audit.search(principalOf(ctx), query, { limit, cursor });
    ctx.body = presentPage(found, presentEntry);
  });

  return router;
}

function presentEntry(entry: RecordedAuditEntry): object {
  return {
    id: entry.id,
    timestamp: presentTime(entry.timestamp),
    eventType: entry.eventType,
    severity: entry.severity,
    outcome: entry.outcome,
    userId: entry.userId,
    ipAddress: entry.ipAddress,
    userAgent: entry.userAgent,
    resource: entry.resource,
    action: entry.action,
    requestId: entry.requestId,
    details: entry.details,
    errorMessage: entry.errorMessage,
  };
}
