import type { Migration } from './schema.ts';

/**
 * `seq` is the order in which rows were made. Of a notification, what is large stands last, so that
 * filters do not read it. Indexes are few and narrow where every notification pays for them; those
 * of dead deliveries cost nothing until one dies. A delivery is found by its notification, whose id
 * its own begins with: an index on ids alone would be written to at a random page for each of them.
 *
 * `seq` of a sink is never given twice: `sqlite_sequence` tells whether there has ever been one.
 */
const FIRST = `
  CREATE TABLE notifications (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    state TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    receipt_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    expanded INTEGER NOT NULL,
    sink_ids TEXT NOT NULL,
    data TEXT,
    sealed TEXT
  ) STRICT;
  CREATE INDEX notifications_of_organization ON notifications (organization_id, received_at);
  CREATE INDEX notifications_of_subscription ON notifications (subscription_id, received_at);
  CREATE INDEX notifications_accepted ON notifications (received_at) WHERE state = 'accepted';

  CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    notification_seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    sink_id TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    attempts_ever INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    reason TEXT,
    UNIQUE (notification_seq, id)
  ) STRICT;
  CREATE INDEX deliveries_due ON deliveries (sink_id, due_at) WHERE state = 'due';
  CREATE INDEX deliveries_claimed ON deliveries (sink_id, due_at) WHERE state = 'claimed';
  CREATE INDEX deliveries_dead_of_organization ON deliveries (organization_id, finished_at)
    WHERE state = 'dead';
  CREATE INDEX deliveries_dead_of_sink ON deliveries (sink_id, finished_at) WHERE state = 'dead';
  CREATE INDEX deliveries_dead_by_age ON deliveries (finished_at) WHERE state = 'dead';

  CREATE TABLE attempts (
    delivery_seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    organization_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    status INTEGER,
    answer TEXT,
    PRIMARY KEY (delivery_seq, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE subscriptions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    client_state_digest TEXT NOT NULL,
    change_type TEXT NOT NULL,
    resource TEXT NOT NULL,
    expiration_at INTEGER NOT NULL,
    include_resource_data INTEGER NOT NULL,
    encryption_certificate_id TEXT,
    description TEXT,
    notes TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
  ) STRICT;
  CREATE INDEX subscriptions_of_organization ON subscriptions (organization_id)
    WHERE deleted_at IS NULL;
  CREATE INDEX subscriptions_deleted ON subscriptions (organization_id)
    WHERE deleted_at IS NOT NULL;
  CREATE INDEX subscriptions_ending ON subscriptions (expiration_at) WHERE deleted_at IS NULL;

  CREATE TABLE sinks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    purpose TEXT NOT NULL,
    url TEXT,
    secrets TEXT,
    previous_secrets_until INTEGER,
    headers TEXT,
    filter TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    disabled_reason TEXT,
    concurrency INTEGER NOT NULL,
    rate_per_second INTEGER,
    description TEXT,
    notes TEXT,
    failing_since INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
  ) STRICT;
  CREATE INDEX sinks_of_organization ON sinks (organization_id) WHERE deleted_at IS NULL;
  CREATE INDEX sinks_deleted ON sinks (organization_id) WHERE deleted_at IS NOT NULL;

  CREATE TABLE replays (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    filter TEXT NOT NULL,
    sink_id TEXT,
    state TEXT NOT NULL,
    cursor TEXT,
    notifications INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  CREATE INDEX replays_of_organization ON replays (organization_id);
  CREATE INDEX replays_running ON replays (seq) WHERE state = 'running';

  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    entry TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_of_organization ON audit (organization_id, timestamp);
  CREATE INDEX audit_by_age ON audit (timestamp);
`;

const SINKS_WITH_SERVERS = `
  ALTER TABLE sinks ADD COLUMN stream TEXT;
  ALTER TABLE sinks ADD COLUMN collection TEXT;
`;

// Empty but for what waits, so that a start can tell which keys that needs.
const SEALED_BY = `
  CREATE INDEX notifications_sealed ON notifications (sealed ->> '$.keyId')
    WHERE sealed IS NOT NULL;
`;

/** The steps of `store.db`. */
export const STORE_MIGRATIONS: readonly Migration[] = [
  { sql: FIRST, readableFrom: 1 },
  // The program before knows two kinds fewer, and reads no sinks at all once there is one of them.
  { sql: SINKS_WITH_SERVERS, readableFrom: 2 },
  { sql: SEALED_BY, readableFrom: 2 },
];
