import type { Database } from './thread.ts';

const KEY_OF_SEALED = "sealed ->> '$.keyId'";

/** The next key id in the index after one: many may wait under the same, and none but one is read. */
const nextAfter = (id: string) => `
  SELECT ${KEY_OF_SEALED} FROM notifications INDEXED BY notifications_sealed
  WHERE sealed IS NOT NULL AND ${KEY_OF_SEALED} > ${id} ORDER BY ${KEY_OF_SEALED} LIMIT 1`;

// UNION leaves out what repeats.
const NEEDED_IN_STORE = `
  WITH RECURSIVE waiting (keyId) AS (
    SELECT (${nextAfter("''")})
    UNION ALL SELECT (${nextAfter('keyId')}) FROM waiting WHERE keyId IS NOT NULL
  )
  SELECT keyId FROM waiting WHERE keyId IS NOT NULL
  UNION SELECT secrets ->> '$.keyId' FROM sinks WHERE secrets IS NOT NULL
  UNION SELECT headers ->> '$.keyId' FROM sinks WHERE headers IS NOT NULL`;

const NEEDED_IN_INBOX = `
  SELECT tokens ->> '$.keyId' AS keyId FROM receipts WHERE tokens IS NOT NULL
  UNION SELECT tokens ->> '$.keyId' FROM held WHERE tokens IS NOT NULL`;

/** Of `store.db`. */
export function neededKeys(db: Database) {
  return db.prepare(NEEDED_IN_STORE).all();
}

/** Of `inbox.db`. */
export function neededInboxKeys(db: Database) {
  return db.prepare(NEEDED_IN_INBOX).all();
}
