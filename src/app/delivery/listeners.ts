import type { CloudEvent } from '../../domain/delivery/cloud-event.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EndedTry, NotificationSink, SinkAnswer } from '../../ports/notification-sink.ts';
import { failed } from './failed.ts';

/** Hands an event over; whether it was taken is told by an answer later. */
export type Hand = (event: CloudEvent, deliveryId: string) => void;

/** What a listener made of an event. */
export interface ListenerAnswer {
  readonly deliveryId: string;
  /** What it was answered where the listener took it; `null` when there was no answer. */
  readonly status: number | null;
  /** The beginning of that answer. */
  readonly body: string;
}

/** Sinks whose events go to a client that is connected, and are done when that says so. */
export interface Listeners {
  /** From now on this client gets the sink's events; ends when the function is called. */
  connect(sinkId: string, hand: Hand): () => void;
  /** Settles tries; of those that have ended, or are not this sink's, nothing comes. */
  answer(sinkId: string, answers: readonly ListenerAnswer[]): void;
  /** Whether the client of this sink is connected to this process. */
  isConnected(sinkId: string): boolean;
  sinkOf(sinkId: string): NotificationSink;
}

const TIMEOUT_MS = 15_000;

interface Connection {
  readonly hand: Hand;
  readonly tries: Map<string, (answer: SinkAnswer) => void>;
}

export function createListeners({ clock }: { clock: Clock }): Listeners {
  const connections = new Map<string, Connection>();

  return {
    connect(sinkId, hand) {
      const connection: Connection = { hand, tries: new Map() };
      connections.set(sinkId, connection);
      return () => {
        connections.delete(sinkId);
        for (const end of connection.tries.values()) end(failed('connection'));
      };
    },

    answer(sinkId, answers) {
      const tries = connections.get(sinkId)?.tries;
      for (const answer of answers) tries?.get(answer.deliveryId)?.(judge(answer));
    },

    isConnected: (sinkId) => connections.has(sinkId),

    sinkOf: (sinkId) => ({
      deliver(event, { deliveryId, signal }) {
        const connection = connections.get(sinkId);
        if (connection === undefined) return Promise.resolve(failed('connection'));
        const { promise, resolve } = Promise.withResolvers<SinkAnswer>();
        const end = (answer: SinkAnswer) => {
          connection.tries.delete(deliveryId);
          stopTimer();
          signal.removeEventListener('abort', abort);
          resolve(answer);
        };
        const abort = () => end({ outcome: 'aborted' });
        const stopTimer = clock.after(TIMEOUT_MS, () => end(failed('timeout')));
        signal.addEventListener('abort', abort);
        connection.tries.set(deliveryId, end);
        if (signal.aborted) abort();
        else connection.hand(event, deliveryId);
        return promise;
      },
    }),
  };
}

/** Anything but a success is tried again: whoever listens is about to mend what answers. */
function judge({ status, body }: ListenerAnswer): EndedTry {
  if (status === null) return failed('connection');
  if (status >= 200 && status < 300) return { outcome: 'delivered', status, body };
  return { outcome: 'retry', reason: `http-${status}`, status, retryAfterMs: null, body };
}
