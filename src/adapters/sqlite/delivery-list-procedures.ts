import { DELIVERY } from './delivery-procedures.ts';
import type { Database, Row } from './thread.ts';

const DELIVERIES_OF = `
  SELECT deliveries.seq, ${DELIVERY}
  FROM notifications JOIN deliveries ON notification_seq = notifications.seq
  WHERE notifications.id = ? ORDER BY deliveries.seq`;

const ATTEMPTS_OF = `
  SELECT number, started_at, duration_ms, outcome, reason, status, answer
  FROM attempts WHERE delivery_seq = ? ORDER BY number`;

// One that was made first has waited longest. Of what is counted, the indexes alone are read.
const DEPTH = `
  SELECT
    due, (SELECT count(*) FROM deliveries WHERE state = 'claimed' AND sink_id = ?1),
    (SELECT count(*) FROM deliveries WHERE state = 'dead' AND sink_id = ?1),
    (SELECT created_at FROM deliveries WHERE seq = first)
  FROM (
    SELECT count(*) AS due, min(seq) AS first FROM deliveries WHERE state = 'due' AND sink_id = ?1
  )`;

// The indexes alone are read; a sink that is soft-deleted is there.
const SINKS_GONE = `
  SELECT sink_id FROM (
    SELECT sink_id FROM deliveries WHERE state = 'due'
    UNION SELECT sink_id FROM deliveries WHERE state = 'claimed'
    UNION SELECT sink_id FROM deliveries WHERE state = 'dead'
  ) WHERE NOT EXISTS (SELECT 1 FROM sinks WHERE id = sink_id)`;

export function deliveriesOf(db: Database, notificationId: string) {
  const attempts = db.prepareRows(ATTEMPTS_OF);
  return db
    .prepareRows(DELIVERIES_OF)
    .all(notificationId)
    .map(([seq, ...delivery]) => [delivery, attempts.all(Number(seq))] as const);
}

export function sinksGone(db: Database) {
  return db.prepareRows(SINKS_GONE).all().flat();
}

export function sinkDepth(db: Database, sinkId: string): Row | undefined {
  return db.prepareRows(DEPTH).get(sinkId);
}
