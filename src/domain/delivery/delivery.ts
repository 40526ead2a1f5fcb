import type { Envelope } from '../envelope.ts';

/**
 * `due`: to be tried at `dueAt`. `claimed`: being tried, by a holder whose lease ends at `dueAt`.
 * `delivered`: done. `dead`: out of tries; kept until redriven, discarded or too old. `discarded`:
 * given up by somebody's decision; goes with its notification.
 */
export type DeliveryState = 'due' | 'claimed' | 'delivered' | 'dead' | 'discarded';

/** One notification for one sink. */
export interface Delivery {
  /** `<notificationId>_<sinkId>`; of a replay `<notificationId>_<sinkId>_<replayId>`. */
  readonly id: string;
  readonly organizationId: string;
  readonly notificationId: string;
  readonly sinkId: string;
  readonly state: DeliveryState;
  /** When it is tried next; of a claimed one the end of the lease. */
  readonly dueAt: number;
  /** Tries that ended since it was made or last redriven. */
  readonly attempt: number;
  /** Rises with each change of hands; a writer that names an older one has lost. */
  readonly generation: number;
  readonly createdAt: number;
  /** When it was delivered, died or was given up; `null` while open. */
  readonly finishedAt: number | null;
  /** Why the last try failed; `null` when none did. */
  readonly reason: string | null;
}

/**
 * So many attempts of a delivery are kept, the latest: one that is redriven every hour for months
 * would else outgrow what a store takes as one document. That is ten lives of ten tries.
 */
export const KEPT_ATTEMPTS = 100;

/** A try that ended. */
export interface Attempt {
  /** From 1, over the whole life of the delivery, redrives included. */
  readonly number: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'lost';
  /** Machine-readable: `http-503`, `timeout`, `connection`, `lost`, …; `null` when delivered. */
  readonly reason: string | null;
  /** HTTP status of the answer; `null` when there was none. */
  readonly status: number | null;
  /** The first 1 KiB of the answer, sealed under the context `attempt:<deliveryId>`; or `null`. */
  readonly answer: Envelope | null;
}

/** The id of the delivery of a notification to a sink. */
export function deliveryIdOf(notificationId: string, sinkId: string): string {
  return `${notificationId}_${sinkId}`;
}
