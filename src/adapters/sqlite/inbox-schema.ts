import type { Migration } from './schema.ts';

/** The steps of `inbox.db`. */
export const INBOX_MIGRATIONS: readonly Migration[] = [
  {
    readableFrom: 1,
    sql: `
      CREATE TABLE receipts (
        id TEXT PRIMARY KEY,
        organization_id TEXT NOT NULL,
        received_at INTEGER NOT NULL,
        tokens TEXT,
        items TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE held (
        id TEXT PRIMARY KEY,
        organization_id TEXT NOT NULL,
        subscription_id TEXT NOT NULL,
        receipt_id TEXT NOT NULL,
        place INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        client_state_digest TEXT NOT NULL,
        tokens TEXT,
        text TEXT NOT NULL
      ) STRICT;
      CREATE INDEX held_by_subscription ON held (subscription_id, received_at);
      CREATE INDEX held_by_age ON held (received_at);
    `,
  },
];
