import type { SubscriptionChange } from '../../domain/subscriptions/subscription.ts';
import {
  IT_IS_DELETED,
  IT_LIVES,
  setOf,
  type ListArgument,
  type Update,
  type Where,
} from './change.ts';
import type { SubscriptionValues } from './subscription-rows.ts';
import type { Database } from './thread.ts';

const SUBSCRIPTION = `
  id, organization_id AS organizationId, tenant_id AS tenantId, application_id AS applicationId,
  client_state_digest AS clientStateDigest, change_type AS changeType, resource,
  expiration_at AS expirationAt, include_resource_data AS includeResourceData,
  encryption_certificate_id AS encryptionCertificateId, description, notes,
  created_at AS createdAt, updated_at AS updatedAt, deleted_at AS deletedAt`;

const INSERT = `
  INSERT INTO subscriptions (
    id, organization_id, tenant_id, application_id, client_state_digest, change_type, resource,
    expiration_at, include_resource_data, encryption_certificate_id, description, notes,
    created_at, updated_at, deleted_at
  ) VALUES (
    :id, :organizationId, :tenantId, :applicationId, :clientStateDigest, :changeType, :resource,
    :expirationAt, :includeResourceData, :encryptionCertificateId, :description, :notes,
    :createdAt, :updatedAt, :deletedAt
  ) ON CONFLICT (id) DO NOTHING`;

const FIND = `SELECT ${SUBSCRIPTION} FROM subscriptions WHERE ${IT_LIVES}`;

const listWhere = (condition: string) => `
  SELECT seq, ${SUBSCRIPTION} FROM subscriptions
  WHERE organization_id = :organizationId AND ${condition} AND seq < :from
  ORDER BY seq DESC LIMIT :limit`;

const LIST = listWhere('deleted_at IS NULL');
const LIST_DELETED = listWhere('deleted_at IS NOT NULL');

/** The column of each field that may change. */
const COLUMNS: Readonly<Record<keyof SubscriptionChange, string>> = {
  clientStateDigest: 'client_state_digest',
  changeType: 'change_type',
  resource: 'resource',
  expirationAt: 'expiration_at',
  includeResourceData: 'include_resource_data',
  encryptionCertificateId: 'encryption_certificate_id',
  description: 'description',
  notes: 'notes',
};

const SOFT_DELETE = `
  UPDATE subscriptions SET deleted_at = :now, updated_at = :now WHERE ${IT_LIVES}`;

const RESTORE = `
  UPDATE subscriptions SET deleted_at = NULL, updated_at = :now WHERE ${IT_IS_DELETED}
  RETURNING ${SUBSCRIPTION}`;

const ENDING = `
  SELECT ${SUBSCRIPTION} FROM subscriptions WHERE deleted_at IS NULL AND expiration_at >= :from AND expiration_at < :before
  ORDER BY expiration_at, seq LIMIT :limit`;

// One statement for any number of ids, driven by them, and one text as its answer: for 10,000 ids
// that is four times as fast as rows, most of it in the main thread.
const LOOK_UP = `
  SELECT json_group_array(json_array(
    subscriptions.id, organization_id, tenant_id, application_id, client_state_digest, deleted_at
  )) AS known
  FROM json_each(?) AS ids CROSS JOIN subscriptions ON subscriptions.id = ids.value`;

export function insertSubscription(db: Database, row: SubscriptionValues): boolean {
  return db.prepare(INSERT).run(row).changes === 1;
}

export function findSubscription(db: Database, { organizationId, id }: Where) {
  return db.prepare(FIND).get({ organizationId, id });
}

export function listSubscriptions(db: Database, { deleted, ...asked }: ListArgument) {
  return db.prepare(deleted ? LIST_DELETED : LIST).all(asked);
}

export function updateSubscription(db: Database, { where, change, now }: Update) {
  const set = setOf(COLUMNS, change);
  return db
    .prepare(`UPDATE subscriptions SET ${set} WHERE ${IT_LIVES} RETURNING ${SUBSCRIPTION}`)
    .get({ ...where, ...change, now });
}

export function softDeleteSubscription(db: Database, order: Where & { now: number }): boolean {
  return db.prepare(SOFT_DELETE).run({ ...order }).changes === 1;
}

export function restoreSubscription(db: Database, order: Where & { now: number }) {
  return db.prepare(RESTORE).get({ ...order });
}

export function removeSubscription(db: Database, { organizationId, id }: Where): boolean {
  const statement = `DELETE FROM subscriptions WHERE ${IT_IS_DELETED}`;
  return db.prepare(statement).run({ organizationId, id }).changes === 1;
}

export function subscriptionsEnding(
  db: Database,
  asked: { from: number; before: number; limit: number },
) {
  return db.prepare(ENDING).all(asked);
}

/** Both the distinct ids and what is known of them are JSON text. */
export function lookUpSubscriptions(db: Database, idsJson: string) {
  return db.prepare(LOOK_UP).get(idsJson)?.['known'];
}
