import { readItem } from '../../domain/notifications/read-collection.ts';
import type { HeldQuota } from '../../domain/notifications/held-quota.ts';
import { judge } from '../../domain/notifications/judge.ts';
import { heldReceiptId, type HeldItem, type Receipt } from '../../domain/notifications/receipt.ts';
import type { KnownSubscription } from '../../domain/subscriptions/subscription.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Inbox } from '../../ports/inbox.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import type { RejectionAudit } from './rejection-audit.ts';
import type { SubscriptionCache } from './subscription-cache.ts';

const APPEND_WITHIN_MS = 5000;
// Of a digest: enough to tell apart what one POST brought.
const PLACES_DIGITS = 16;

/**
 * Judges again what is held of these subscriptions, as far as they are known by now. Run twice at
 * once, or again after a crash, it makes the same receipts, and so no item twice.
 */
export type JudgeHeld = (subscriptionIds: readonly string[]) => Promise<void>;

export function createJudgeHeld(deps: {
  inbox: Inbox;
  held: HeldQuota;
  subscriptions: SubscriptionRepository;
  digest: Digest;
  clock: Clock;
  metrics: Metrics;
  rejections: RejectionAudit;
  /** What was remembered of a subscription that turned out to be known. */
  forget: SubscriptionCache['forget'];
  /** Told of each receipt that is durable. */
  received: (receipt: Receipt) => void;
}): JudgeHeld {
  return async function judgeHeld(subscriptionIds) {
    for (const known of await deps.subscriptions.lookUp(subscriptionIds)) {
      // Or what comes meanwhile is held anew, of one that another instance imported.
      deps.forget(known.id);
      for (const ofOnePost of byReceipt(await deps.inbox.heldOf(known.id))) {
        await judgePost(known, ofOnePost);
      }
    }
  };

  async function judgePost(known: KnownSubscription, items: readonly HeldItem[]): Promise<void> {
    const genuine = items.filter((item) => verdictOf(item, known) === 'accepted');
    const receipt = createReceipt(known, genuine, deps.digest);
    const release = items.map(({ id }) => id);
    await deps.inbox.append({ receipt, release }, deps.clock.now() + APPEND_WITHIN_MS);
    deps.held.release(release);
    if (receipt !== undefined) deps.received(receipt);
    for (const item of items) {
      const verdict = verdictOf(item, known);
      deps.metrics.count('notifications_total', { verdict });
      if (verdict !== 'accepted') deps.rejections.note(known, verdict);
    }
  }

  function verdictOf(item: HeldItem, known: KnownSubscription) {
    const { tenantId } = readItem(item.text);
    const received = { tenantId, clientState: item.clientStateDigest };
    return judge(received, known, (kept, expected) => deps.digest.sameDigest(kept, expected));
  }
}

function byReceipt(items: readonly HeldItem[]): Iterable<HeldItem[]> {
  return Map.groupBy(items, ({ receiptId }) => receiptId).values();
}

/** The POST's own receipt may still be there, so these get one of their own; the same each time. */
function createReceipt(
  known: KnownSubscription,
  items: readonly HeldItem[],
  digest: Pick<Digest, 'sha256'>,
): Receipt | undefined {
  const [first] = items;
  if (first === undefined) return undefined;
  const places = digest.sha256(items.map(({ place }) => place).join()).slice(0, PLACES_DIGITS);
  return {
    id: heldReceiptId(first.receiptId, known.id, places),
    organizationId: known.organizationId,
    receivedAt: first.receivedAt,
    tokens: items.find(({ tokens }) => tokens !== null)?.tokens ?? null,
    items: items.map(({ place, text }) => ({
      place,
      organizationId: known.organizationId,
      subscriptionId: known.id,
      applicationId: known.applicationId,
      text,
    })),
  };
}
