import { randomUUID } from 'node:crypto';
import type { Replay } from '../../src/domain/delivery/replay.ts';
import type { Receipt, HeldItem } from '../../src/domain/notifications/receipt.ts';
import type { Notification } from '../../src/domain/notifications/notification.ts';
import type { AuditTrail } from '../../src/ports/audit-trail.ts';
import type { DeliveryStore } from '../../src/ports/delivery-store.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import type { ReplayRepository } from '../../src/ports/replay-repository.ts';
import type { SinkRepository } from '../../src/ports/sink-repository.ts';
import type { SubscriptionRepository } from '../../src/ports/subscription-repository.ts';
import {
  aDelivery,
  anAuditEntry,
  anEnvelope,
  aNotification,
  anOutcome,
  aSink,
  aSubscription,
  BUILT_AT,
} from './builders.ts';

/** What rows are written through, whichever family keeps them. */
export interface FillableStores {
  readonly subscriptions: SubscriptionRepository;
  readonly sinks: SinkRepository;
  readonly replays: ReplayRepository;
  readonly deliveries: DeliveryStore;
  readonly audit: AuditTrail;
  readonly inbox: Inbox;
}

/** Some of what `fillStores` has made, to be found again. */
export interface Filled {
  readonly subscriptionIds: readonly string[];
  readonly sinkIds: readonly string[];
  readonly notifications: readonly Notification[];
  readonly receipts: readonly Receipt[];
  readonly held: readonly HeldItem[];
  readonly auditEntries: number;
}

const AT_ONCE = 500;

/**
 * Fills every kind with rows in every state, `count` notifications among them, each with two
 * deliveries; the sinks are disabled, so that a service that is started on them leaves them alone.
 */
export async function fillStores(stores: FillableStores, count: number): Promise<Filled> {
  const subscriptionIds = await fillSubscriptions(stores);
  const sinkIds = await fillSinks(stores);
  const notifications: Notification[] = [];
  for (let made = 0; made < count; made += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - made) }, (_, index) =>
      aNotification({
        subscriptionId: subscriptionIds[index % 3] ?? '',
        sinkIds: sinkIds.slice(0, 2),
        ...(index % 20 === 0 && { state: 'waiting', data: null, sealed: anEnvelope() }),
      }),
    );
    await fillNotifications(stores, some);
    notifications.push(...some);
  }
  const auditEntries = Math.ceil(count / 10);
  await fillAudit(stores, auditEntries);
  await fillReplays(stores);
  return { subscriptionIds, sinkIds, notifications, auditEntries, ...(await fillInbox(stores)) };
}

async function fillSubscriptions({ subscriptions }: FillableStores): Promise<string[]> {
  const made = Array.from({ length: 12 }, (_, index) =>
    aSubscription({
      includeResourceData: index % 2 === 0,
      encryptionCertificateId: index % 2 === 0 ? 'cert-1' : null,
      notes: index === 5 ? 'the “fifth” ✓' : null,
    }),
  );
  for (const subscription of made) await subscriptions.insert(subscription);
  await subscriptions.softDelete('default', made[4]?.id ?? '', BUILT_AT + 5);
  return made.map(({ id }) => id);
}

async function fillSinks({ sinks }: FillableStores): Promise<string[]> {
  const made = Array.from({ length: 6 }, (_, index) =>
    aSink({
      name: `sink ${index}`,
      kind: 'webhook',
      url: 'https://sink.example/events',
      secrets: anEnvelope(),
      headers: index % 2 === 0 ? anEnvelope() : null,
      previousSecretsUntil: index === 1 ? BUILT_AT : null,
      filter: index === 2 ? { changeType: ['created'], lifecycle: 'also' } : {},
      enabled: false,
      ratePerSecond: index === 3 ? 5 : null,
    }),
  );
  for (const sink of made) await sinks.insert(sink);
  // One is gone for good, so that places have a gap, and one can be restored.
  for (const sink of made.slice(4)) await sinks.softDelete('default', sink.id, BUILT_AT + 5);
  await sinks.permanentlyDelete('default', made[4]?.id ?? '');
  return made.map(({ id }) => id);
}

/** Of each ten, two deliveries are claimed, delivered, dead, retried and discarded each. */
async function fillNotifications(
  { deliveries }: FillableStores,
  some: readonly Notification[],
): Promise<void> {
  await deliveries.insertNotifications(some);
  const rows = some.flatMap((one) => one.sinkIds.map((sinkId) => aDelivery(one, { sinkId })));
  await deliveries.insertDeliveries(rows);
  await deliveries.markExpanded(some.filter((_, index) => index % 7 !== 0).map(({ id }) => id));
  const tried = rows.filter((_, index) => index % 10 < 5);
  await Promise.all(
    tried.map(async ({ id }, index) => {
      await deliveries.claim(id, 0, BUILT_AT + 15_000);
      if (index % 5 === 0) return;
      const state = (['due', 'delivered', 'dead', 'dead', 'due'] as const)[index % 5] ?? 'due';
      const answer = { answer: anEnvelope() };
      await deliveries.finish(id, 1, anOutcome(state, BUILT_AT + index, answer));
      if (index % 5 === 3) await deliveries.discard('default', [id], BUILT_AT + 9);
      if (index % 5 !== 4) return;
      await deliveries.claim(id, 2, BUILT_AT + 20_000);
      await deliveries.finish(id, 3, anOutcome('due', BUILT_AT + 90_000));
    }),
  );
}

async function fillAudit({ audit }: FillableStores, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1000) {
    const some = Array.from({ length: Math.min(1000, count - made) }, (_, index) =>
      audit.record(
        anAuditEntry({
          resource: `sink/${made + index}`,
          details: { place: made + index, a: null, z: true },
          ...(index % 2 === 0 && { ipAddress: '192.0.2.7' }),
        }),
      ),
    );
    await Promise.all(some);
  }
}

/** One that is done, and one that stands in the middle of its search. */
async function fillReplays({ deliveries, replays }: FillableStores): Promise<void> {
  const half = await deliveries.search('default', {}, { limit: 5 });
  const running: Replay = {
    id: randomUUID(),
    organizationId: 'default',
    filter: { receivedBefore: BUILT_AT, tenantId: 't' },
    sinkId: null,
    state: 'running',
    cursor: null,
    notifications: 0,
    deliveries: 0,
    createdAt: BUILT_AT,
    finishedAt: null,
  };
  await replays.insert(running);
  await replays.advance(running.id, null, { ...running, cursor: half.nextCursor, deliveries: 3 });
  await replays.insert({ ...running, id: randomUUID(), state: 'done', finishedAt: BUILT_AT });
}

async function fillInbox({ inbox }: FillableStores) {
  const receipts = Array.from({ length: 15 }, (_, index): Receipt => ({
    id: `000001795305600${String(index).padStart(3, '0')}-00000-a1`,
    organizationId: 'default',
    receivedAt: BUILT_AT + index,
    tokens: index % 3 === 0 ? anEnvelope() : null,
    items: [0, 1].map((place) => ({
      place,
      organizationId: 'default',
      subscriptionId: randomUUID(),
      applicationId: randomUUID(),
      text: `{"large":12345678901234567890,"id":"${index}-${place} ✓"}`,
    })),
  }));
  const held = receipts.map(({ id, receivedAt }, place): HeldItem => ({
    id: `${id}_${place}`,
    organizationId: 'default',
    subscriptionId: randomUUID(),
    receiptId: id,
    place,
    receivedAt,
    clientStateDigest: 'c0ffee'.repeat(10),
    tokens: place % 2 === 0 ? anEnvelope() : null,
    text: '{"held":"✓"}',
  }));
  for (const [index, receipt] of receipts.entries()) {
    await inbox.append({ receipt, held: held.slice(index, index + 1) }, Date.now() + 60_000);
  }
  return { receipts, held };
}
