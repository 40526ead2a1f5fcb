import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RecordedAuditEntry } from '../../domain/audit/audit-entry.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Log } from '../../ports/log.ts';
import { createAuditBuffer } from '../stores/audit-buffer.ts';
import type { AuditValues } from './audit-procedures.ts';
import { jsonColumn } from './columns.ts';
import { readInteger, readText, type Columns } from './row.ts';
import type { StoreThreads } from './store-call.ts';
import { createWalk, given } from './walk.ts';

export interface SqliteAuditTrail extends AuditTrail {
  /** Resolves when nothing waits any more. */
  flush(): Promise<void>;
}

const NOTHING_REFUSED: ReadonlyMap<number, unknown> = new Map();

const Text = z.string().optional();
const Entry = jsonColumn(
  z.object({
    eventType: z.string(),
    severity: z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']),
    outcome: z.enum(['SUCCESS', 'FAILURE', 'ERROR']),
    organizationId: z.string(),
    userId: Text,
    ipAddress: Text,
    userAgent: Text,
    resource: Text,
    action: Text,
    requestId: Text,
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .optional(),
    errorMessage: Text,
  }),
);

export function readEntry([id, timestamp, entry]: Columns): RecordedAuditEntry {
  return { ...Entry.parse(entry), id: readText(id), timestamp: readInteger(timestamp) };
}

/** Audit entries in `store.db`. */
export function createSqliteAuditTrail(deps: StoreThreads & { log: Log }): SqliteAuditTrail {
  const entryPage = createWalk('audit', deps.clock, readEntry);
  const { add, flush } = createAuditBuffer<AuditValues>({
    append: async (rows) => {
      await deps.write('appendAudit', rows);
      return NOTHING_REFUSED; // they go in one transaction
    },
    clock: deps.clock,
    log: deps.log,
  });

  return {
    record(entry) {
      const { organizationId } = entry;
      const timestamp = deps.clock.now();
      return add({ id: randomUUID(), organizationId, timestamp, entry: JSON.stringify(entry) });
    },

    search(organizationId, { from = 0, before, ...match }, page) {
      const argument = { organizationId, match: given(match), from };
      return entryPage(page, before, (step) => deps.read('searchAudit', { ...argument, step }));
    },

    async purge(before, limit) {
      return z.int().parse(await deps.write('purgeAudit', { before, limit }));
    },

    flush,
  };
}
