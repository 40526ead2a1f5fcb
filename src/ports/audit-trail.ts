import type {
  AuditEntry,
  AuditOutcome,
  AuditSeverity,
  RecordedAuditEntry,
} from '../domain/audit/audit-entry.ts';
import type { Page, PageRequest } from '../domain/page.ts';

/** Every field that is given must match. */
export interface AuditQuery {
  readonly eventType?: string | undefined;
  readonly severity?: AuditSeverity | undefined;
  readonly outcome?: AuditOutcome | undefined;
  readonly userId?: string | undefined;
  readonly resource?: string | undefined;
  /** Epoch milliseconds, inclusive. */
  readonly from?: number | undefined;
  /** Epoch milliseconds, exclusive. */
  readonly before?: number | undefined;
}

/**
 * Keeps audit entries: appended only, in order, until they are too old.
 *
 * Entries wait in a bounded buffer while the store is away, for five minutes each; when that is full
 * the newest is refused. Whoever must not go on without the entry awaits it; whoever must not wait
 * ignores the promise, which never rejects for them: it gives whether the entry is durable.
 */
export interface AuditTrail {
  /**
   * Appends an entry under the present time; `true` once it is durable, `false` when it was refused,
   * or could not be written at two tries: then it waits for the store, and is lost with this process.
   */
  record(entry: AuditEntry): Promise<boolean>;

  /** Entries of an organisation, the latest first. A page may end early, with a cursor. */
  search(
    organizationId: string,
    query: AuditQuery,
    page: PageRequest,
  ): Promise<Page<RecordedAuditEntry>>;

  /** Removes at most `limit` entries from before `before` (epoch ms), the oldest first; gives how many. */
  purge(before: number, limit: number): Promise<number>;
}
