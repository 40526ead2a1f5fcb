import type { Database } from './thread.ts';

/** One entry; `entry` is JSON text. */
export type AuditValues = Readonly<{
  id: string;
  organizationId: string;
  timestamp: number;
  entry: string;
}>;

// An entry that is appended again after an answer that did not come is there already.
const APPEND = `
  INSERT INTO audit (id, organization_id, timestamp, entry)
  VALUES (:id, :organizationId, :timestamp, :entry)
  ON CONFLICT (id) DO NOTHING`;

const LATEST = `
  SELECT id, timestamp, entry FROM audit WHERE organization_id = :organizationId
  ORDER BY seq DESC LIMIT :limit`;

const PURGE = `
  DELETE FROM audit WHERE seq IN (
    SELECT seq FROM audit WHERE timestamp < :before ORDER BY timestamp LIMIT :limit
  )`;

export function appendAudit(db: Database, rows: readonly AuditValues[]) {
  const append = db.prepare(APPEND);
  for (const row of rows) append.run(row);
}

export function latestAudit(db: Database, asked: { organizationId: string; limit: number }) {
  return db.prepare(LATEST).all(asked);
}

export function purgeAudit(db: Database, order: { before: number; limit: number }): number {
  return Number(db.prepare(PURGE).run(order).changes);
}
