import type { CloudEvent } from '../domain/delivery/cloud-event.ts';
import type { Secret } from '../domain/secret.ts';

/** What became of one try. `reason` is short and machine-readable, such as `http-503`. */
export type SinkAnswer =
  | { readonly outcome: 'delivered'; readonly status: number | null; readonly body: string }
  | {
      /** May go better later. */
      readonly outcome: 'retry';
      readonly reason: string;
      readonly status: number | null;
      /** What the sink asked for in `Retry-After`; `null` when it did not. */
      readonly retryAfterMs: number | null;
      readonly body: string;
    }
  | {
      /** Will not go better: the sink understood and refused. `gone` is HTTP's 410. */
      readonly outcome: 'dead';
      readonly reason: string;
      readonly gone: boolean;
      readonly status: number | null;
      readonly body: string;
    }
  | {
      /** The signal was aborted before the try came to an end: no try is counted. */
      readonly outcome: 'aborted';
    };

/** What became of a try that came to an end of its own. */
export type EndedTry = Exclude<SinkAnswer, { outcome: 'aborted' }>;

/** What a sink is told of the try besides the event. */
export interface SinkTry {
  readonly deliveryId: string;
  /** From 1. */
  readonly attempt: number;
  /** Aborted when the service stops. The sink's own time limit (15 s) is the adapter's. */
  readonly signal: AbortSignal;
}

/**
 * Hands events to one destination. Never throws and always ends within its time limit: whatever
 * happens there is an answer. `body` is the beginning of the destination's answer, at most 1 KiB
 * of UTF-8, empty when there is none; it may hold anything and is sealed before it is kept.
 *
 * An event that is handed over again is delivered again. The destination has it twice then, or once
 * where it keeps events by their ids; that is the kind's, and the answer is the same.
 */
export interface NotificationSink {
  deliver(event: CloudEvent, attempt: SinkTry): Promise<SinkAnswer>;
}

/** Where events go, its secrets opened. */
export type SinkTarget =
  | {
      readonly kind: 'webhook';
      readonly url: string;
      /** `whsec_…`, newest first; each signs (Standard Webhooks, "multiple signatures"). */
      readonly secrets: readonly Secret[];
      readonly headers: Readonly<Record<string, Secret>>;
    }
  | {
      readonly kind: 'redis-stream';
      readonly organizationId: string;
      readonly stream: string;
    }
  | {
      readonly kind: 'mongo-collection';
      readonly organizationId: string;
      readonly collection: string;
    }
  | { readonly kind: 'log'; readonly name: string }
  | { readonly kind: 'listen'; readonly sinkId: string };

/** Makes the sink for a target: cheap, does no I/O. */
export type SinkFactory = (target: SinkTarget) => NotificationSink;
