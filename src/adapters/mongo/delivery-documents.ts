import { ObjectId } from 'mongodb';
import { z } from 'zod';
import {
  KEPT_ATTEMPTS,
  type Attempt,
  type Delivery,
  type DeliveryState,
} from '../../domain/delivery/delivery.ts';
import type {
  DeliveryWithAttempts,
  DueDelivery,
  NewDelivery,
  TryOutcome,
} from '../../ports/delivery-store.ts';
import type { MongoDatabase } from './database.ts';
import { EnvelopeOrNone } from './notification-documents.ts';

/** A document of `deliveries`. When one that is finished ended stands in `dueAt`. */
export interface DeliveryDocument extends Omit<Delivery, 'id' | 'finishedAt'> {
  readonly _id: string;
  /** The latest, the last of which has the number `attemptsEver`. */
  readonly attempts: readonly Omit<Attempt, 'number'>[];
  readonly attemptsEver: number;
  /** Tells apart those of the same time; rises as they are inserted. */
  readonly order: ObjectId;
}

/** Still to be tried. */
export const OPEN: readonly DeliveryState[] = ['due', 'claimed'];
/** Keep their notification. */
export const OPEN_OR_DEAD: readonly DeliveryState[] = [...OPEN, 'dead'];
/** Nothing leads out of these. */
export const ENDED: readonly DeliveryState[] = ['delivered', 'discarded'];

const Fields = z.object({
  _id: z.string(),
  organizationId: z.string(),
  notificationId: z.string(),
  sinkId: z.string(),
  state: z.enum(['due', 'claimed', 'delivered', 'dead', 'discarded']),
  dueAt: z.int(),
  attempt: z.int(),
  generation: z.int(),
  createdAt: z.int(),
  reason: z.string().nullable(),
});

const Attempts = z.object({
  // Of an earlier build, which kept them all, when it is missing.
  attemptsEver: z.int().default(0),
  attempts: z.array(
    z.object({
      startedAt: z.int(),
      durationMs: z.int(),
      outcome: z.enum(['delivered', 'retry', 'dead', 'lost']),
      reason: z.string().nullable(),
      status: z.int().nullable(),
      answer: EnvelopeOrNone,
    }),
  ),
});

const Due = Fields.pick({ _id: true, generation: true, dueAt: true, state: true, attempt: true });
const Redriven = Due.extend({ sinkId: z.string() });

/** What `readDue` and `readRedriven` ask for. */
export const DUE = { generation: 1, dueAt: 1, state: 1, attempt: 1, sinkId: 1 } as const;

/** What `readDelivery` does not need. */
export const WITHOUT_ATTEMPTS = { attempts: 0 } as const;

export function readDelivery(document: unknown): Delivery {
  const { _id: id, ...fields } = Fields.parse(document);
  return { id, ...fields, finishedAt: OPEN.includes(fields.state) ? null : fields.dueAt };
}

export function readDeliveryWithAttempts(document: unknown): DeliveryWithAttempts {
  const { attempts, attemptsEver } = Attempts.parse(document);
  const before = Math.max(0, attemptsEver - attempts.length);
  const numbered = attempts.map((attempt, index) => ({ number: before + index + 1, ...attempt }));
  return { ...readDelivery(document), attempts: numbered };
}

export function readDue(document: unknown): DueDelivery {
  const { _id: id, generation, dueAt, state, attempt } = Due.parse(document);
  return { id, generation, dueAt, lapsed: state === 'claimed', attempt };
}

export function readRedriven(document: unknown): DueDelivery & { readonly sinkId: string } {
  return { ...readDue(document), sinkId: Redriven.parse(document).sinkId };
}

/** The document of a new delivery. */
export function writeDelivery(row: NewDelivery): DeliveryDocument {
  const { id, organizationId, notificationId, sinkId, dueAt, createdAt } = row;
  const beginning = {
    state: 'due',
    attempt: 0,
    generation: 0,
    reason: null,
    attempts: [],
    attemptsEver: 0,
  } as const;
  const order = new ObjectId();
  return { _id: id, organizationId, notificationId, sinkId, dueAt, createdAt, ...beginning, order };
}

/** The change that a try's outcome is, with a new generation. */
export function writeOutcome({ state, dueAt, attempt }: TryOutcome) {
  return {
    $set: { state, dueAt, reason: attempt.reason },
    $inc: { attempt: 1, attemptsEver: 1, generation: 1 },
    $push: { attempts: { $each: [attempt], $slice: -KEPT_ATTEMPTS } },
  };
}

/** Always of the primary, whatever the URL prefers: one that is missing in a stale copy is not gone. */
export function deliveriesOf({ db }: MongoDatabase) {
  return db.collection<DeliveryDocument>('deliveries', { readPreference: 'primary' });
}
