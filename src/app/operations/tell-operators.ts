import { deliveryIdOf } from '../../domain/delivery/delivery.ts';
import type { Sink } from '../../domain/delivery/sink.ts';
import type { ReceiptCounter } from '../../domain/notifications/receipt.ts';
import type { Notification } from '../../domain/notifications/notification.ts';
import {
  operationsTypeOf,
  type OperationsEvent,
} from '../../domain/operations/operations-event.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { Digest } from '../../ports/digest.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { newDeliveryHints } from '../delivery/new-delivery-hints.ts';

/**
 * Tells the operators: a line in the log, a count, and an event to each operations sink of the
 * organisation, which is then delivered like any other. Never waits and never fails: an event that
 * cannot be stored, or that a crash interrupts, is in the log and in the metrics only.
 */
export type TellOperators = (event: OperationsEvent) => void;

const ID_BYTES = 20;

export function createTellOperators(deps: {
  sinks: SinkRepository;
  deliveries: DeliveryStore;
  queue: JobQueue;
  counter: ReceiptCounter;
  digest: Digest;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}): TellOperators {
  const { clock, deliveries, log } = deps;

  async function send(event: OperationsEvent): Promise<void> {
    const sinks = (await deps.sinks.all()).filter((sink) => wants(sink, event));
    if (sinks.length === 0) return;
    const row = toNotification(event, sinks);
    await deliveries.insertNotifications([row]);
    const { id: notificationId, organizationId, receivedAt: dueAt } = row;
    const open = sinks.map(({ id: sinkId }) => {
      const id = deliveryIdOf(notificationId, sinkId);
      return { id, organizationId, notificationId, sinkId, dueAt, createdAt: dueAt };
    });
    await deliveries.insertDeliveries(open);
    await deliveries.markExpanded([notificationId]);
    deps.queue.hint(newDeliveryHints(open));
  }

  function toNotification(event: OperationsEvent, sinks: readonly Sink[]): Notification {
    const now = clock.now();
    const receiptId = deps.counter.next(now, 1);
    return {
      id: deps.digest.sha256(deps.digest.randomToken(ID_BYTES)).slice(0, 2 * ID_BYTES),
      organizationId: event.organizationId,
      subscriptionId: '',
      tenantId: '',
      applicationId: '',
      state: 'accepted',
      type: operationsTypeOf(event.type),
      subject: event.subject,
      sequence: receiptId,
      receivedAt: now,
      receiptId,
      place: 0,
      sinkIds: sinks.map(({ id }) => id),
      data: JSON.stringify(event.data),
      sealed: null,
    };
  }

  return function tellOperators(event) {
    const { type, subject, data } = event;
    log[type === 'Heartbeat' ? 'debug' : 'warn']({ type, subject, ...data }, 'operations event');
    deps.metrics.count('operations_events_total', { type });
    send(event).catch((err: unknown) => log.error({ err, type }, 'an operations event was lost'));
  };
}

/** An operations sink is not told of its own failures: that would never end. */
function wants(sink: Sink, { organizationId, subject }: OperationsEvent): boolean {
  return (
    sink.purpose === 'operations' &&
    sink.organizationId === organizationId &&
    subject !== `sink/${sink.id}`
  );
}
