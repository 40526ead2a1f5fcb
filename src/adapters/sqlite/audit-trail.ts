import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RecordedAuditEntry } from '../../domain/audit/audit-entry.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { AuditValues } from './audit-procedures.ts';
import { jsonColumn } from './columns.ts';
import { readInteger, readText, type Columns } from './row.ts';
import type { StoreThreads } from './store-call.ts';
import { createWalk, given } from './walk.ts';

interface Waiting {
  readonly values: AuditValues;
  readonly settle: (durable: boolean) => void;
  readonly failedBefore: boolean;
}

export interface SqliteAuditTrail extends AuditTrail {
  /** Resolves when nothing waits any more. */
  flush(): Promise<void>;
}

const MAX_WAITING = 10_000;
const MAX_BATCH = 500;

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
export function createSqliteAuditTrail(
  deps: StoreThreads & { clock: Clock; log: Log },
): SqliteAuditTrail {
  const entryPage = createWalk('audit', readEntry);
  let waiting: Waiting[] = [];
  let appending: Promise<void> | undefined;
  let refused = 0;

  async function appendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      const values = batch.map(({ values }) => values);
      const again = await deps.write('appendAudit', values).then(
        () => settled(batch),
        (err: unknown) => failed(batch, err),
      );
      waiting = [...again, ...waiting.slice(batch.length)];
    }
    appending = undefined;
  }

  function settled(batch: readonly Waiting[]): Waiting[] {
    for (const { settle } of batch) settle(true);
    refused = 0;
    return [];
  }

  /** What failed for the first time goes again, before what has come since. */
  function failed(batch: readonly Waiting[], err: unknown): Waiting[] {
    const lost = batch.filter(({ failedBefore }) => failedBefore);
    for (const { settle } of lost) settle(false);
    if (lost.length > 0) deps.log.error({ err, entries: lost.length }, 'audit entries were lost');
    return batch
      .filter(({ failedBefore }) => !failedBefore)
      .map((entry) => ({ ...entry, failedBefore: true }));
  }

  function refuse(): Promise<boolean> {
    refused += 1;
    if (refused === 1) deps.log.error({ waiting: waiting.length }, 'audit entries are refused');
    return Promise.resolve(false);
  }

  return {
    record(entry) {
      if (waiting.length >= MAX_WAITING) return refuse();
      const { organizationId } = entry;
      const timestamp = deps.clock.now();
      const values = { id: randomUUID(), organizationId, timestamp, entry: JSON.stringify(entry) };
      return new Promise((settle) => {
        waiting.push({ values, settle, failedBefore: false });
        appending ??= appendAll();
      });
    },

    search(organizationId, { from = 0, before, ...match }, page) {
      const argument = { organizationId, match: given(match), from };
      return entryPage(page, before, (step) => deps.read('searchAudit', { ...argument, step }));
    },

    async purge(before, limit) {
      return z.int().parse(await deps.write('purgeAudit', { before, limit }));
    },

    async flush() {
      await appending;
    },
  };
}
