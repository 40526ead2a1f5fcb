import { deliveryIdOf } from '../../domain/delivery/delivery.ts';
import { createRouter } from '../../domain/delivery/route.ts';
import type { Sink } from '../../domain/delivery/sink.ts';
import { dedupeKey } from '../../domain/notifications/dedupe.ts';
import { eventTypeOf, subjectOf } from '../../domain/notifications/event-type.ts';
import type { Notification } from '../../domain/notifications/notification.ts';
import { readItem } from '../../domain/notifications/read-collection.ts';
import { sequenceOf, type Receipt, type ReceiptItem } from '../../domain/notifications/receipt.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  DeliveryStore,
  InsertedNotification,
  NewDelivery,
} from '../../ports/delivery-store.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Inbox } from '../../ports/inbox.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { FreshReceipts } from './fresh-receipts.ts';
import { newDeliveryHints } from '../delivery/new-delivery-hints.ts';

// Of the 160 bits that are kept of the SHA-256, two keys share them with a chance of 2^-80.
const ID_DIGITS = 40;
// More than Graph sends. A body of nothing but small items has 24,000, whose rows take some 70 MB if
// they are made at once; so do many such bodies, if they are expanded side by side.
const ITEMS_AT_ONCE = 500;
const LARGE = Symbol('a receipt of more items');

/**
 * Makes notifications and deliveries of a receipt's items, and settles the receipt. Each write
 * may be the last one before a crash: run again, it goes on where it stopped and doubles nothing.
 * Rejects with `StoreUnavailableError`; the receipt stays then, and a sweep brings it back.
 */
export type ExpandReceipt = (receiptId: string) => Promise<void>;

export function createExpandReceipt(deps: {
  inbox: Inbox;
  fresh: FreshReceipts;
  deliveries: DeliveryStore;
  /** The sinks as they stand in the store now, deleted ones left out. */
  readSinks: () => Promise<readonly Sink[]>;
  queue: JobQueue;
  cipher: Cipher;
  digest: Digest;
  clock: Clock;
  metrics: Metrics;
  /** Once aborted, what has not begun is left for the next start. */
  stopping: AbortSignal;
}): ExpandReceipt {
  const { deliveries, inbox, queue } = deps;
  let lastLarge: Promise<unknown> = Promise.resolve();

  return async function expandReceipt(receiptId) {
    const receipt = await readSmall(receiptId);
    if (receipt !== LARGE) return expand(receipt);
    await alone(async () => {
      if (!deps.stopping.aborted) await expand(await inbox.read(receiptId));
    });
  };

  /** A large one is let go again, since many may wait for their turn. */
  async function readSmall(id: string): Promise<Receipt | typeof LARGE | undefined> {
    const receipt = deps.fresh.take(id) ?? (await inbox.read(id));
    return receipt !== undefined && receipt.items.length > ITEMS_AT_ONCE ? LARGE : receipt;
  }

  function alone(work: () => Promise<void>): Promise<void> {
    const turn = lastLarge.then(work);
    lastLarge = turn.catch(() => undefined);
    return turn;
  }

  async function expand(receipt: Receipt | undefined): Promise<void> {
    if (receipt === undefined) return;
    const sinks = await deps.readSinks();
    const route = createRouter(sinks);
    let duplicates = 0;
    for (let at = 0; at < receipt.items.length; at += ITEMS_AT_ONCE) {
      if (deps.stopping.aborted) return;
      const items = receipt.items.slice(at, at + ITEMS_AT_ONCE);
      const rows = items.map((item) => toNotification(receipt, item, route));
      const found = await deliveries.insertNotifications(rows);
      await finish(rows, found, sinks);
      duplicates += found.filter((row) => row.found === 'duplicate').length;
    }
    inbox.settle(receipt.id);
    // After it, since what fails is done again.
    if (duplicates > 0) {
      deps.metrics.count('notifications_total', { verdict: 'duplicate' }, duplicates);
    }
  }

  /** Completes the rows of this receipt, and those of others that a crash left unfinished. */
  async function finish(
    rows: readonly Notification[],
    found: readonly InsertedNotification[],
    sinks: readonly Sink[],
  ): Promise<void> {
    const existing = new Set(sinks.map(({ id }) => id));
    const unfinished = rows.flatMap((row, index) => {
      const { expanded = true, sinkIds = [] } = found[index] ?? {};
      // What a crash left may name a sink that is gone by now: nobody would ever take its delivery.
      return expanded ? [] : [{ ...row, sinkIds: sinkIds.filter((id) => existing.has(id)) }];
    });
    if (unfinished.length === 0) return;
    const open = unfinished.flatMap(toDeliveries);
    if (open.length > 0) await deliveries.insertDeliveries(open);
    queue.hint(newDeliveryHints(open));
    await deliveries.markExpanded(unfinished.map(({ id }) => id));
  }

  function toDeliveries({ id, organizationId, sinkIds }: Notification): NewDelivery[] {
    const now = deps.clock.now();
    return sinkIds.map((sinkId) => ({
      id: deliveryIdOf(id, sinkId),
      organizationId,
      notificationId: id,
      sinkId,
      dueAt: now,
      createdAt: now,
    }));
  }

  function toNotification(
    receipt: Receipt,
    item: ReceiptItem,
    route: ReturnType<typeof createRouter>,
  ): Notification {
    const facts = readItem(item.text);
    const base = {
      organizationId: item.organizationId,
      subscriptionId: item.subscriptionId,
      tenantId: facts.tenantId,
      applicationId: item.applicationId,
      type: eventTypeOf(facts),
      subject: subjectOf(facts, item.subscriptionId),
      sequence: sequenceOf(receipt.id, item.place),
      receivedAt: receipt.receivedAt,
      receiptId: receipt.id,
      place: item.place,
    };
    // What is encrypted takes no dedupe key before it has been judged, and goes nowhere.
    if (facts.encrypted) return { ...base, ...waiting(receipt, item) };
    const key = dedupeKey(facts, { ...item, receiptId: receipt.id });
    return {
      ...base,
      id: deps.digest.sha256(key).slice(0, ID_DIGITS),
      state: facts.lifecycleEvent === null ? 'accepted' : 'pending',
      sinkIds: route(item, facts),
      data: item.text,
      sealed: null,
    };
  }

  function waiting(receipt: Receipt, { place, text }: ReceiptItem) {
    const id = `${receipt.id}_${place}`;
    const content = JSON.stringify({ item: text, receiptId: receipt.id, tokens: receipt.tokens });
    const sealed = deps.cipher.seal(content, `notification:${id}`);
    return { id, state: 'waiting' as const, sinkIds: [], data: null, sealed };
  }
}
