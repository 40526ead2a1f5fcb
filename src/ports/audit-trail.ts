import type { AuditEntry, RecordedAuditEntry } from '../domain/audit/audit-entry.ts';

/**
 * Keeps audit entries: appended only, in order, until they are too old.
 *
 * Entries wait in a bounded buffer while the store is away; when that is full the newest is
 * refused. Whoever must not go on without the entry awaits it; whoever must not wait ignores the
 * promise, which never rejects for them: it gives whether the entry is durable.
 */
export interface AuditTrail {
  /** Appends an entry under the present time; `true` once it is durable, `false` when it was lost. */
  record(entry: AuditEntry): Promise<boolean>;

  /** The latest entries of an organisation, the latest first; at most 200. */
  latest(organizationId: string, limit: number): Promise<readonly RecordedAuditEntry[]>;

  /** Removes at most `limit` entries from before `before` (epoch ms), the oldest first; gives how many. */
  purge(before: number, limit: number): Promise<number>;
}
