import { z } from 'zod';
import type { Attempt, Delivery } from '../../domain/delivery/delivery.ts';
import type { DueDelivery, TryOutcome } from '../../ports/delivery-store.ts';
import { BooleanColumn, EnvelopeColumn, writeEnvelope } from './columns.ts';
import { BareNotificationRow, NotificationRow } from './notification-rows.ts';

/** A delivery as it comes from the thread. */
export const DeliveryRow: z.ZodType<Delivery> = z.object({
  id: z.string(),
  organizationId: z.string(),
  notificationId: z.string(),
  sinkId: z.string(),
  state: z.enum(['due', 'claimed', 'delivered', 'dead']),
  dueAt: z.int(),
  attempt: z.int(),
  generation: z.int(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
  reason: z.string().nullable(),
});

const Due = z.object({
  id: z.string(),
  generation: z.int(),
  dueAt: z.int(),
  lapsed: BooleanColumn,
  attempt: z.int(),
});

export const DueRows: z.ZodType<DueDelivery[]> = z.array(Due);
export const RedrivenRows = z.array(Due.extend({ sinkId: z.string() }));

export const ClaimReply = z
  .object({ delivery: DeliveryRow, notification: NotificationRow })
  .nullable();

const AttemptRow: z.ZodType<Attempt> = z.object({
  number: z.int(),
  startedAt: z.int(),
  durationMs: z.int(),
  outcome: z.enum(['delivered', 'retry', 'dead', 'lost']),
  reason: z.string().nullable(),
  status: z.int().nullable(),
  answer: EnvelopeColumn,
});

export const DeliveriesReply = z.array(
  z.object({ delivery: DeliveryRow, attempts: z.array(AttemptRow) }),
);

export const DeadLetterRows = z.array(
  z.object({ seq: z.int(), delivery: DeliveryRow, notification: BareNotificationRow }),
);

export type OutcomeValues = ReturnType<typeof writeOutcome>;

/** What became of a try, as it goes to the thread. */
export function writeOutcome(id: string, generation: number, outcome: TryOutcome) {
  const { state, dueAt, attempt } = outcome;
  const finishedAt = state === 'due' ? null : dueAt;
  return {
    change: { id, generation, state, dueAt, finishedAt, reason: attempt.reason },
    attempt: {
      startedAt: attempt.startedAt,
      durationMs: attempt.durationMs,
      outcome: attempt.outcome,
      reason: attempt.reason,
      status: attempt.status,
      answer: writeEnvelope(attempt.answer),
    },
  };
}
