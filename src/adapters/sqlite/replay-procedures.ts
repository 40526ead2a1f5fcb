import type { AdvanceValues, ReplayValues } from './replay-rows.ts';
import type { Database } from './thread.ts';
import type { Where } from './change.ts';

const REPLAY = `
  id, organization_id AS organizationId, filter, sink_id AS sinkId, state, cursor, notifications,
  deliveries, created_at AS createdAt, finished_at AS finishedAt`;

const INSERT = `
  INSERT INTO replays (
    id, organization_id, filter, sink_id, state, cursor, notifications, deliveries, created_at,
    finished_at
  ) VALUES (
    :id, :organizationId, :filter, :sinkId, :state, :cursor, :notifications, :deliveries,
    :createdAt, :finishedAt
  )`;

const FIND = `
  SELECT ${REPLAY} FROM replays WHERE id = :id AND organization_id = :organizationId`;

const LIST = `
  SELECT seq, ${REPLAY} FROM replays WHERE organization_id = :organizationId AND seq < :from
  ORDER BY seq DESC LIMIT :limit`;

const RUNNING = `SELECT ${REPLAY} FROM replays WHERE state = 'running' ORDER BY seq`;

// One that is done has no cursor, as one that has just begun.
const ADVANCE = `
  UPDATE replays SET
    state = :state, cursor = :cursor, notifications = :notifications, deliveries = :deliveries,
    finished_at = :finishedAt
  WHERE id = :id AND cursor IS :standsAt AND state = 'running'`;

export function insertReplay(db: Database, row: ReplayValues): void {
  db.prepare(INSERT).run(row);
}

export function findReplay(db: Database, { organizationId, id }: Where) {
  return db.prepare(FIND).get({ organizationId, id });
}

export function listReplays(
  db: Database,
  asked: { organizationId: string; from: number; limit: number },
) {
  return db.prepare(LIST).all(asked);
}

export function runningReplays(db: Database) {
  return db.prepare(RUNNING).all();
}

export function advanceReplay(db: Database, row: AdvanceValues): boolean {
  return db.prepare(ADVANCE).run(row).changes === 1;
}
