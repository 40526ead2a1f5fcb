import type { SinkChange } from '../../domain/delivery/sink.ts';
import type { SinkChangeValues, SinkValues } from './sink-rows.ts';
import type { Database } from './thread.ts';

const SINK = `
  id, organization_id AS organizationId, name, kind, url, secrets, headers, filter, enabled,
  disabled_reason AS disabledReason, concurrency, rate_per_second AS ratePerSecond, description,
  failing_since AS failingSince, created_at AS createdAt, updated_at AS updatedAt,
  deleted_at AS deletedAt`;

const INSERT_FROM = `
  INSERT INTO sinks (
    id, organization_id, name, kind, url, secrets, headers, filter, enabled, disabled_reason,
    concurrency, rate_per_second, description, failing_since, created_at, updated_at, deleted_at
  ) SELECT
    :id, :organizationId, :name, :kind, :url, :secrets, :headers, :filter, :enabled,
    :disabledReason, :concurrency, :ratePerSecond, :description, :failingSince, :createdAt,
    :updatedAt, :deletedAt`;

const IT = 'id = :id AND organization_id = :organizationId AND deleted_at IS NULL';

const LIST = `
  SELECT seq, ${SINK} FROM sinks
  WHERE organization_id = :organizationId AND deleted_at IS NULL AND seq > :after
  ORDER BY seq LIMIT :limit`;

/** The column of each field that may change. */
const COLUMNS: Readonly<Record<keyof SinkChange, string>> = {
  name: 'name',
  url: 'url',
  secrets: 'secrets',
  headers: 'headers',
  filter: 'filter',
  enabled: 'enabled',
  disabledReason: 'disabled_reason',
  concurrency: 'concurrency',
  ratePerSecond: 'rate_per_second',
  description: 'description',
  failingSince: 'failing_since',
};

export interface SinkUpdate {
  readonly where: { readonly organizationId: string; readonly id: string };
  readonly change: SinkChangeValues;
  readonly now: number;
}

export function insertSink(db: Database, row: SinkValues) {
  db.prepare(INSERT_FROM).run(row);
}

export function insertFirstSink(db: Database, row: SinkValues): boolean {
  const statement = `${INSERT_FROM} WHERE NOT EXISTS (SELECT 1 FROM sinks)`;
  return db.prepare(statement).run(row).changes === 1;
}

export function findSink(db: Database, where: { organizationId: string; id: string }) {
  return db.prepare(`SELECT ${SINK} FROM sinks WHERE ${IT}`).get(where);
}

export function listSinks(
  db: Database,
  asked: { organizationId: string; after: number; limit: number },
) {
  return db.prepare(LIST).all(asked);
}

export function allSinks(db: Database) {
  return db.prepare(`SELECT ${SINK} FROM sinks WHERE deleted_at IS NULL ORDER BY seq`).all();
}

export function updateSink(db: Database, { where, change, now }: SinkUpdate) {
  const changes = Object.entries(COLUMNS)
    .filter(([field]) => Object.hasOwn(change, field))
    .map(([field, column]) => `${column} = :${field}`);
  const set = [...changes, 'updated_at = :now'].join(', ');
  return db
    .prepare(`UPDATE sinks SET ${set} WHERE ${IT} RETURNING ${SINK}`)
    .get({ ...where, ...change, now });
}

export function softDeleteSink(
  db: Database,
  order: { organizationId: string; id: string; now: number },
): boolean {
  const statement = `UPDATE sinks SET deleted_at = :now, updated_at = :now WHERE ${IT}`;
  return db.prepare(statement).run(order).changes === 1;
}
