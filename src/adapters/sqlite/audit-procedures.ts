import type { Database } from './thread.ts';
import { conditionsOf, walk, type WalkStep } from './walk-procedure.ts';

/** One entry; `entry` is JSON text. */
export type AuditValues = Readonly<{
  id: string;
  organizationId: string;
  timestamp: number;
  entry: string;
}>;

/** What to search for; fields that are missing ask nothing. */
export interface AuditArgument {
  readonly organizationId: string;
  readonly match: Readonly<Partial<Record<keyof typeof CONDITIONS, string>>>;
  readonly from: number;
  readonly step: WalkStep;
}

const CONDITIONS = {
  eventType: `entry ->> 'eventType' = :eventType`,
  severity: `entry ->> 'severity' = :severity`,
  outcome: `entry ->> 'outcome' = :outcome`,
  userId: `entry ->> 'userId' = :userId`,
  resource: `entry ->> 'resource' = :resource`,
};

// An entry that is appended again after an answer that did not come is there already.
const APPEND = `
  INSERT INTO audit (id, organization_id, timestamp, entry)
  VALUES (:id, :organizationId, :timestamp, :entry)
  ON CONFLICT (id) DO NOTHING`;

const READ = 'SELECT id, timestamp, entry FROM audit WHERE seq = ?';

const PURGE = `
  DELETE FROM audit WHERE seq IN (
    SELECT seq FROM audit WHERE timestamp < :before ORDER BY timestamp LIMIT :limit
  )`;

export function appendAudit(db: Database, rows: readonly AuditValues[]): void {
  const append = db.prepare(APPEND);
  for (const row of rows) append.run(row);
}

/** Walks the entries of an organisation. */
export function searchAudit(db: Database, { organizationId, match, from, step }: AuditArgument) {
  const conditions = ['TRUE', ...conditionsOf(CONDITIONS, match)].join(' AND ');
  const statement = `
    SELECT seq, timestamp AS at, (${conditions}) AS matches
    FROM audit INDEXED BY audit_of_organization
    WHERE organization_id = :organizationId AND timestamp >= :from AND (timestamp, seq) < (:at, :seq)
    ORDER BY timestamp DESC, seq DESC`;
  return walk(db, step, { statement, parameters: { organizationId, ...match, from }, read: READ });
}

export function purgeAudit(db: Database, order: { before: number; limit: number }): number {
  return Number(db.prepare(PURGE).run(order).changes);
}
