import { hash } from 'node:crypto';
import type { SinkChange } from '../../domain/delivery/sink.ts';
import {
  IT_IS_DELETED,
  IT_LIVES,
  setOf,
  type ListArgument,
  type Update,
  type Where,
} from './change.ts';
import type { SinkValues } from './sink-rows.ts';
import type { Database } from './thread.ts';

const SINK = `
  id, organization_id AS organizationId, name, kind, purpose, url, stream, collection, secrets,
  previous_secrets_until AS previousSecretsUntil, headers, filter, enabled,
  disabled_reason AS disabledReason, concurrency, rate_per_second AS ratePerSecond, description,
  notes, failing_since AS failingSince, created_at AS createdAt, updated_at AS updatedAt,
  deleted_at AS deletedAt`;

const INSERT_FROM = `
  INSERT INTO sinks (
    id, organization_id, name, kind, purpose, url, stream, collection, secrets,
    previous_secrets_until, headers, filter, enabled, disabled_reason, concurrency,
    rate_per_second, description, notes, failing_since, created_at, updated_at, deleted_at
  ) SELECT
    :id, :organizationId, :name, :kind, :purpose, :url, :stream, :collection, :secrets,
    :previousSecretsUntil, :headers, :filter, :enabled, :disabledReason, :concurrency,
    :ratePerSecond, :description, :notes, :failingSince, :createdAt, :updatedAt, :deletedAt`;

const INSERT_FIRST = `
  ${INSERT_FROM} WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'sinks')`;

const listWhere = (condition: string) => `
  SELECT seq, ${SINK} FROM sinks
  WHERE organization_id = :organizationId AND ${condition} AND seq > :from
  ORDER BY seq LIMIT :limit`;

const LIST = listWhere('deleted_at IS NULL');
const LIST_DELETED = listWhere('deleted_at IS NOT NULL');

/** The column of each field that may change. */
const COLUMNS: Readonly<Record<keyof SinkChange, string>> = {
  name: 'name',
  url: 'url',
  stream: 'stream',
  collection: 'collection',
  secrets: 'secrets',
  previousSecretsUntil: 'previous_secrets_until',
  headers: 'headers',
  filter: 'filter',
  enabled: 'enabled',
  disabledReason: 'disabled_reason',
  concurrency: 'concurrency',
  ratePerSecond: 'rate_per_second',
  description: 'description',
  notes: 'notes',
  failingSince: 'failing_since',
};

// As text, by the names that `SINK` gives: what is known already is not taken apart again.
const ALL = `
  SELECT json_object(${namesAndValues()}) FROM sinks WHERE deleted_at IS NULL ORDER BY seq`;

const RESTORE = `
  UPDATE sinks SET deleted_at = NULL, updated_at = :now WHERE ${IT_IS_DELETED} RETURNING ${SINK}`;

// No two envelopes share their `iv`.
const REPLACE_SECRETS = `
  UPDATE sinks SET
    secrets = :secrets, previous_secrets_until = :previousSecretsUntil, updated_at = :now
  WHERE ${IT_LIVES} AND secrets ->> 'iv' IS :knownIv
  RETURNING ${SINK}`;

export interface SecretsReplacement extends Where {
  /** Of the envelope to be replaced. */
  readonly knownIv: string | null;
  readonly secrets: string | null;
  readonly previousSecretsUntil: number | null;
  readonly now: number;
}

export function insertSink(db: Database, row: SinkValues): void {
  db.prepare(INSERT_FROM).run(row);
}

export function insertFirstSink(db: Database, row: SinkValues): boolean {
  return db.prepare(INSERT_FIRST).run(row).changes === 1;
}

export function findSink(db: Database, { organizationId, id }: Where) {
  return db.prepare(`SELECT ${SINK} FROM sinks WHERE ${IT_LIVES}`).get({ organizationId, id });
}

export function findDeletedSink(db: Database, { organizationId, id }: Where) {
  const statement = `SELECT ${SINK} FROM sinks WHERE ${IT_IS_DELETED}`;
  return db.prepare(statement).get({ organizationId, id });
}

export function listSinks(db: Database, { deleted, ...asked }: ListArgument) {
  return db.prepare(deleted ? LIST_DELETED : LIST).all(asked);
}

/** All of them as JSON text, and a digest of it; `null` when that is the digest that is known. */
export function allSinks(db: Database, known: string | null) {
  const rows = db.prepareRows(ALL).all().flat();
  const digest = hash('sha256', rows.join('\n'));
  return digest === known ? null : { digest, rows };
}

export function updateSink(db: Database, { where, change, now }: Update) {
  return db
    .prepare(`UPDATE sinks SET ${setOf(COLUMNS, change)} WHERE ${IT_LIVES} RETURNING ${SINK}`)
    .get({ ...where, ...change, now });
}

export function replaceSinkSecrets(db: Database, order: SecretsReplacement) {
  return db.prepare(REPLACE_SECRETS).get({ ...order });
}

export function softDeleteSink(db: Database, order: Where & { now: number }): boolean {
  const statement = `UPDATE sinks SET deleted_at = :now, updated_at = :now WHERE ${IT_LIVES}`;
  return db.prepare(statement).run({ ...order }).changes === 1;
}

export function restoreSink(db: Database, order: Where & { now: number }) {
  return db.prepare(RESTORE).get({ ...order });
}

export function removeSink(db: Database, { organizationId, id }: Where): boolean {
  const statement = `DELETE FROM sinks WHERE ${IT_IS_DELETED}`;
  return db.prepare(statement).run({ organizationId, id }).changes === 1;
}

/** `'id', id, 'organizationId', organization_id, …` of the columns of `SINK`. */
function namesAndValues(): string {
  return SINK.split(',')
    .map((column) => column.trim().split(' AS '))
    .map(([column = '', name = column]) => `'${name}', ${column}`)
    .join(', ');
}
