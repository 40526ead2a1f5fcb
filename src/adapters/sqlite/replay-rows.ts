import { z } from 'zod';
import type { Replay } from '../../domain/delivery/replay.ts';
import type { ReplayRepository } from '../../ports/replay-repository.ts';
import { jsonColumn } from './columns.ts';

const Filter = z.object({
  subscriptionId: z.string().optional(),
  tenantId: z.string().optional(),
  sinkId: z.string().optional(),
  receivedFrom: z.int().optional(),
  receivedBefore: z.int(),
});

const Row = z.object({
  id: z.string(),
  organizationId: z.string(),
  filter: jsonColumn(Filter),
  sinkId: z.string().nullable(),
  state: z.enum(['running', 'done']),
  cursor: z.string().nullable(),
  notifications: z.int(),
  deliveries: z.int(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
});

/** A replay as it comes from the thread. */
export const ReplayRow: z.ZodType<Replay> = Row;

export const ReplayRows = z.array(Row);
export const ListedReplayRows = z.array(Row.extend({ seq: z.int() }));

export type ReplayValues = ReturnType<typeof writeReplay>;

/** A replay as it goes to the thread. */
export function writeReplay(replay: Replay) {
  return {
    id: replay.id,
    organizationId: replay.organizationId,
    filter: JSON.stringify(replay.filter),
    sinkId: replay.sinkId,
    state: replay.state,
    cursor: replay.cursor,
    notifications: replay.notifications,
    deliveries: replay.deliveries,
    createdAt: replay.createdAt,
    finishedAt: replay.finishedAt,
  };
}

export type AdvanceValues = ReturnType<typeof writeAdvance>;

export function writeAdvance(...[id, standsAt, to]: Parameters<ReplayRepository['advance']>) {
  const { state, cursor, notifications, deliveries, finishedAt } = to;
  return { id, standsAt, state, cursor, notifications, deliveries, finishedAt };
}
