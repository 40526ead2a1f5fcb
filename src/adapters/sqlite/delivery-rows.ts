import { z } from 'zod';
import type { Attempt, Delivery, DeliveryState } from '../../domain/delivery/delivery.ts';
import type {
  ClaimedDelivery,
  DeadLetter,
  DeliveryWithAttempts,
  DueDelivery,
  NewDelivery,
  SinkDepth,
  TryOutcome,
} from '../../ports/delivery-store.ts';
import { EnvelopeColumn, writeEnvelope } from './columns.ts';
import { readBareNotification, readNotification } from './notification-rows.ts';
import {
  readColumns,
  readInteger,
  readNullable,
  readRows,
  readText,
  readWord,
  type Columns,
} from './row.ts';

const STATES: readonly DeliveryState[] = ['due', 'claimed', 'delivered', 'dead', 'discarded'];
const OUTCOMES: readonly Attempt['outcome'][] = ['delivered', 'retry', 'dead', 'lost'];

/** How many columns `DELIVERY` has: those of its notification stand after them. */
const WIDTH = 10;

/** Reads the columns of `DELIVERY`. */
function readDelivery(columns: Columns, notificationId: string): Delivery {
  return {
    id: readText(columns[0]),
    organizationId: readText(columns[1]),
    notificationId,
    sinkId: readText(columns[2]),
    state: readWord(STATES, columns[3]),
    dueAt: readInteger(columns[4]),
    attempt: readInteger(columns[5]),
    generation: readInteger(columns[6]),
    createdAt: readInteger(columns[7]),
    finishedAt: readNullable(readInteger, columns[8]),
    reason: readNullable(readText, columns[9]),
  };
}

export function readClaim(reply: unknown): ClaimedDelivery | undefined {
  if (reply === null) return undefined;
  const columns = readColumns(reply);
  const notification = readNotification(columns.slice(WIDTH));
  return { delivery: readDelivery(columns, notification.id), notification };
}

export function readDeadLetter(columns: Columns): DeadLetter {
  const notification = readBareNotification(columns.slice(WIDTH));
  return { delivery: readDelivery(columns, notification.id), notification };
}

export function readDeliveries(reply: unknown, notificationId: string): DeliveryWithAttempts[] {
  return readRows(reply).map(([delivery, attempts]) => ({
    ...readDelivery(readColumns(delivery), notificationId),
    attempts: readRows(attempts).map(readAttempt),
  }));
}

function readAttempt(columns: Columns): Attempt {
  return {
    number: readInteger(columns[0]),
    startedAt: readInteger(columns[1]),
    durationMs: readInteger(columns[2]),
    outcome: readWord(OUTCOMES, columns[3]),
    reason: readNullable(readText, columns[4]),
    status: readNullable(readInteger, columns[5]),
    answer: EnvelopeColumn.parse(columns[6]),
  };
}

export function readDue(reply: unknown): DueDelivery[] {
  return readRows(reply).map(readDueDelivery);
}

function readDueDelivery(columns: Columns): DueDelivery {
  return {
    id: readText(columns[0]),
    generation: readInteger(columns[1]),
    dueAt: readInteger(columns[2]),
    lapsed: readInteger(columns[3]) === 1,
    attempt: readInteger(columns[4]),
  };
}

export function readRedriven(reply: unknown): (DueDelivery & { readonly sinkId: string })[] {
  return readRows(reply).map((columns) => ({
    ...readDueDelivery(columns),
    sinkId: readText(columns[5]),
  }));
}

const Depth = z.tuple([z.int(), z.int(), z.int(), z.int().nullable()]);

export function readDepth(reply: unknown): SinkDepth {
  const [due, claimed, dead, oldestCreatedAt] = Depth.parse(reply);
  return { due, claimed, dead, oldestCreatedAt };
}

export type DeliveryValues = ReturnType<typeof writeDelivery>;

/** A new delivery in the order of its insert. */
export function writeDelivery(row: NewDelivery) {
  const { id, organizationId, sinkId, dueAt, createdAt, notificationId } = row;
  return [id, organizationId, sinkId, dueAt, createdAt, notificationId] as const;
}

export type OutcomeValues = ReturnType<typeof writeOutcome>;

/** What became of a try: which delivery, its change, its attempt. */
export function writeOutcome(id: string, generation: number, outcome: TryOutcome) {
  const { state, dueAt, attempt } = outcome;
  const { startedAt, durationMs, reason, status } = attempt;
  const finishedAt = state === 'due' ? null : dueAt;
  return [
    id,
    [state, dueAt, finishedAt, reason, generation],
    [startedAt, durationMs, attempt.outcome, reason, status, writeEnvelope(attempt.answer)],
  ] as const;
}
