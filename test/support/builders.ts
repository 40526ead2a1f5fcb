import { randomBytes, randomUUID } from 'node:crypto';
import type { AuditEntry } from '../../src/domain/audit/audit-entry.ts';
import { deliveryIdOf } from '../../src/domain/delivery/delivery.ts';
import type { Sink } from '../../src/domain/delivery/sink.ts';
import type { Envelope } from '../../src/domain/envelope.ts';
import type { Notification } from '../../src/domain/notifications/notification.ts';
import type { Subscription } from '../../src/domain/subscriptions/subscription.ts';
import type { NewDelivery, TryOutcome } from '../../src/ports/delivery-store.ts';

export const BUILT_AT = Date.UTC(2026, 10, 22);

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

let built = 0;

/** Notifications built later were received later. */
export function aNotification(changes: Partial<Notification> = {}): Notification {
  built += 1;
  const receivedAt = BUILT_AT + built;
  return {
    id: hex(20),
    organizationId: 'default',
    subscriptionId: randomUUID(),
    tenantId: randomUUID(),
    applicationId: randomUUID(),
    state: 'accepted',
    type: 'Microsoft.Graph.MessageCreated',
    subject: `Users/u-${built}/Messages/m-${built}`,
    sequence: `${String(receivedAt).padStart(15, '0')}-00000-a1`,
    receivedAt,
    receiptId: `${String(receivedAt).padStart(15, '0')}-00000-a1`,
    place: 0,
    sinkIds: [],
    data: '{"changeType":"created","large":12345678901234567890,"text":"\\ud83d\\udd14 ✓"}',
    sealed: null,
    ...changes,
  };
}

export function aDelivery(
  of: Pick<Notification, 'id' | 'organizationId'>,
  changes: Partial<Pick<NewDelivery, 'sinkId' | 'dueAt' | 'createdAt'>> = {},
): NewDelivery {
  const { sinkId = randomUUID(), dueAt = BUILT_AT, createdAt = BUILT_AT } = changes;
  const { id: notificationId, organizationId } = of;
  const id = deliveryIdOf(notificationId, sinkId);
  return { id, organizationId, notificationId, sinkId, dueAt, createdAt };
}

/** What became of a try, by how it ended. */
export function anOutcome(
  state: TryOutcome['state'],
  dueAt: number,
  attempt: Partial<TryOutcome['attempt']> = {},
): TryOutcome {
  const outcome = state === 'due' ? 'retry' : state;
  const delivered = state === 'delivered';
  return {
    state,
    dueAt,
    attempt: {
      startedAt: dueAt,
      durationMs: 12,
      outcome,
      reason: delivered ? null : 'http-503',
      status: delivered ? 200 : 503,
      answer: null,
      ...attempt,
    },
  };
}

export function aSubscription(changes: Partial<Subscription> = {}): Subscription {
  return {
    id: randomUUID(),
    organizationId: 'default',
    tenantId: randomUUID(),
    applicationId: randomUUID(),
    clientStateDigest: hex(32),
    changeType: 'created,updated',
    resource: 'users/u-1/messages',
    expirationAt: BUILT_AT + 3_600_000,
    includeResourceData: false,
    encryptionCertificateId: null,
    description: null,
    notes: null,
    createdAt: BUILT_AT,
    updatedAt: BUILT_AT,
    deletedAt: null,
    ...changes,
  };
}

export function aSink(changes: Partial<Sink> = {}): Sink {
  return {
    id: randomUUID(),
    organizationId: 'default',
    name: 'a sink',
    kind: 'log',
    purpose: 'notifications',
    url: null,
    stream: null,
    collection: null,
    secrets: null,
    previousSecretsUntil: null,
    headers: null,
    filter: {},
    enabled: true,
    disabledReason: null,
    concurrency: 20,
    ratePerSecond: null,
    description: null,
    notes: null,
    failingSince: null,
    createdAt: BUILT_AT,
    updatedAt: BUILT_AT,
    deletedAt: null,
    ...changes,
  };
}

export function anEnvelope(): Envelope {
  return { keyId: 'k1', encrypted: hex(48), iv: hex(12), tag: hex(16) };
}

export function anAuditEntry(changes: Partial<AuditEntry> = {}): AuditEntry {
  return {
    eventType: 'ADMIN_SINK_ADDED',
    severity: 'MEDIUM',
    outcome: 'SUCCESS',
    organizationId: 'default',
    ...changes,
  };
}
