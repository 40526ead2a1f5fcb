import { INBOX_MIGRATIONS } from './inbox-schema.ts';
import { neededInboxKeys } from './sealed-procedures.ts';
import { serve, type Database } from './thread.ts';

/** Columns of `receipts` in their order. */
export type ReceiptRow = readonly [
  id: string,
  organizationId: string,
  receivedAt: number,
  tokens: string | null,
  items: string,
];

/** Columns of `held` in their order. */
export type HeldRow = readonly [
  id: string,
  organizationId: string,
  subscriptionId: string,
  receiptId: string,
  place: number,
  receivedAt: number,
  clientStateDigest: string,
  tokens: string | null,
  text: string,
];

export interface AppendArgument {
  readonly receipt: ReceiptRow | null;
  readonly held: readonly HeldRow[];
  readonly release: readonly string[];
}

serve(INBOX_MIGRATIONS, {
  append(db: Database, { receipt, held, release }: AppendArgument) {
    const hold = db.prepare(
      'INSERT INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    );
    for (const row of held) hold.run(...row);
    if (receipt !== null) {
      db.prepare('INSERT INTO receipts VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING').run(
        ...receipt,
      );
    }
    const forget = db.prepare('DELETE FROM held WHERE id = ?');
    for (const id of release) forget.run(id);
  },

  settle(db: Database, ids: readonly string[]) {
    const settle = db.prepare('DELETE FROM receipts WHERE id = ?');
    for (const id of ids) settle.run(id);
  },

  read: (db: Database, id: string) => db.prepare('SELECT * FROM receipts WHERE id = ?').get(id),

  unsettled: (db: Database, { after, limit }: { after: string; limit: number }) =>
    db
      .prepare('SELECT id, received_at FROM receipts WHERE id > ? ORDER BY id LIMIT ?')
      .all(after, limit),

  heldSubscriptions: (db: Database) =>
    db.prepare('SELECT DISTINCT subscription_id FROM held').all(),

  heldOf: (db: Database, subscriptionId: string) =>
    db
      .prepare('SELECT * FROM held WHERE subscription_id = ? ORDER BY receipt_id, place')
      .all(subscriptionId),

  heldUsage: (db: Database) =>
    db
      .prepare(
        `SELECT id, subscription_id, received_at, octet_length(text)
           + coalesce(length(tokens ->> '$.encrypted'), 0) AS bytes FROM held`,
      )
      .all(),

  neededKeys: neededInboxKeys,

  purgeHeld: (db: Database, before: number) =>
    Number(db.prepare('DELETE FROM held WHERE received_at < ?').run(before).changes),
});
