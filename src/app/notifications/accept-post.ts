import { DEFAULT_ORGANIZATION } from '../../domain/organization.ts';
import { judge, type Verdict } from '../../domain/notifications/judge.ts';
import {
  heldBytes,
  type HeldQuota,
  type HeldShare,
} from '../../domain/notifications/held-quota.ts';
import {
  readCollection,
  type Collection,
  type ReceivedItem,
} from '../../domain/notifications/read-collection.ts';
import {
  tokensContext,
  type HeldItem,
  type Receipt,
  type ReceiptCounter,
} from '../../domain/notifications/receipt.ts';
import type { Envelope } from '../../domain/envelope.ts';
import type { KnownSubscription } from '../../domain/subscriptions/subscription.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Inbox } from '../../ports/inbox.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { RejectionAudit } from './rejection-audit.ts';
import type { SubscriptionCache } from './subscription-cache.ts';

interface Judged {
  readonly item: ReceivedItem;
  readonly known: KnownSubscription | undefined;
  readonly verdict: Verdict;
}

/**
 * Stores what is genuine in one POST and resolves once that is durable, so the caller may
 * acknowledge then. Rejects with `MalformedBodyError` when the text is no notification collection,
 * and with `UnavailableError` when it could not be stored by `deadline`: Graph will send again.
 *
 * A forged item does not fail its neighbours, and the answer does not tell which one it was.
 */
export type AcceptPost = (text: string, deadline: number) => Promise<void>;

export function createAcceptPost(deps: {
  subscriptions: SubscriptionCache;
  inbox: Inbox;
  held: HeldQuota;
  counter: ReceiptCounter;
  cipher: Cipher;
  digest: Digest;
  clock: Clock;
  metrics: Metrics;
  rejections: RejectionAudit;
  /** Told of each receipt that is durable. */
  received: (receipt: Receipt) => void;
}): AcceptPost {
  const { digest, inbox, metrics } = deps;

  return async function acceptPost(text, deadline) {
    const collection = readCollection(text);
    const judged = await judgeAll(collection.items, deadline);
    const receivedAt = deps.clock.now();
    const places = collection.items.length + collection.malformed;
    const id = deps.counter.next(receivedAt, places);
    const tokens = sealTokens(collection, id);
    const receipt = createReceipt(judged, { id, receivedAt, tokens });
    const held = hold(judged, { id, receivedAt, tokens });
    if (receipt !== undefined || held.length > 0) {
      await append({ receipt, held }, deadline);
    }
    if (receipt !== undefined) deps.received(receipt);
    report(judged, collection.malformed, held.length);
  };

  /**
   * An append that fails gives back the room of what it was to hold. Where that is durable all the
   * same, or becomes it later, it counts: or a store that is slow would be filled beyond its limits.
   */
  async function append({ receipt, held }: Appended, deadline: number): Promise<void> {
    let isDurable = false;
    let released: readonly HeldShare[] = [];
    const isHeld = () => {
      isDurable = true;
      deps.held.restore(released);
    };
    try {
      await inbox.append({ receipt, held }, deadline, isHeld);
    } catch (error) {
      if (!isDurable) {
        released = held.map(shareOf);
        deps.held.release(released.map(({ id }) => id));
      }
      throw error;
    }
  }

  /** Judges from memory; a miss or a mismatch asks the store, once for the whole POST. */
  async function judgeAll(items: readonly ReceivedItem[], deadline: number): Promise<Judged[]> {
    const known = new Map<string, KnownSubscription | undefined>();
    const doubtful = new Set<string>();
    const sameClientState = rememberLast((clientState, expected) =>
      digest.same(clientState, expected),
    );
    const recall = (id: string) => {
      const found = deps.subscriptions.peek(id);
      known.set(id, found ?? undefined);
      return found;
    };
    const judgeOne = (item: ReceivedItem): Judged => {
      const subscription = known.get(item.subscriptionId);
      return { item, known: subscription, verdict: judge(item, subscription, sameClientState) };
    };

    for (const { subscriptionId } of items) {
      if (known.has(subscriptionId)) continue;
      if (recall(subscriptionId) === undefined) doubtful.add(subscriptionId);
    }
    const judged = items.map(judgeOne);
    for (const { item, verdict } of judged) {
      if (verdict !== 'accepted' && verdict !== 'unknown-subscription') {
        doubtful.add(item.subscriptionId);
      }
    }
    if (doubtful.size === 0) return judged;
    await deps.subscriptions.ask(doubtful, deadline);
    for (const id of doubtful) recall(id);
    return judged.map((entry) =>
      doubtful.has(entry.item.subscriptionId) ? judgeOne(entry.item) : entry,
    );
  }

  function sealTokens({ items, validationTokens }: Collection, id: string): Envelope | null {
    const wanted = validationTokens.length > 0 && items.some(({ encrypted }) => encrypted);
    if (!wanted) return null;
    return deps.cipher.seal(JSON.stringify(validationTokens), tokensContext(id));
  }

  /** Those of unknown subscriptions, as far as there is room for them. */
  function hold(judged: readonly Judged[], post: Post): HeldItem[] {
    return judged
      .filter(({ item, verdict }) => verdict === 'unknown-subscription' && hasRoom(item, post))
      .map(({ item }) => toHeldItem(item, post, digest.sha256(item.clientState ?? '')));
  }

  function hasRoom(item: ReceivedItem, post: Post): boolean {
    const { subscriptionId, text } = item;
    const { receivedAt } = post;
    const id = heldItemId(post.id, item.place);
    const tokens = tokensOf(item, post);
    return deps.held.take(shareOf({ id, subscriptionId, receivedAt, tokens, text }));
  }

  function report(judged: readonly Judged[], malformed: number, held: number): void {
    const counts = new Map<string, number>();
    for (const { verdict } of judged) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    const dropped = (counts.get('unknown-subscription') ?? 0) - held;
    counts.set('unknown-subscription', dropped).set('held', held).set('malformed', malformed);
    for (const [verdict, count] of counts) {
      if (count > 0) metrics.count('notifications_total', { verdict }, count);
    }
    for (const { known, verdict } of judged) {
      if (known !== undefined && verdict !== 'accepted') deps.rejections.note(known, verdict);
    }
    if (dropped > 0) deps.rejections.note(undefined, 'unknown-subscription');
    if (malformed > 0) deps.rejections.note(undefined, 'malformed');
  }
}

interface Appended {
  readonly receipt: Receipt | undefined;
  readonly held: readonly HeldItem[];
}

interface Post {
  readonly id: string;
  readonly receivedAt: number;
  readonly tokens: Envelope | null;
}

function createReceipt(judged: readonly Judged[], post: Post): Receipt | undefined {
  const items = judged.flatMap(({ item, known, verdict }) =>
    verdict !== 'accepted' || known === undefined
      ? []
      : [
          {
            place: item.place,
            organizationId: known.organizationId,
            subscriptionId: known.id,
            applicationId: known.applicationId,
            text: item.text,
          },
        ],
  );
  const [first] = items;
  return first === undefined ? undefined : { ...post, organizationId: first.organizationId, items };
}

/** Not the item itself: its text is a slice that would keep the whole body in memory. */
function shareOf({
  id,
  subscriptionId,
  receivedAt,
  tokens,
  text,
}: Pick<HeldItem, 'id' | 'subscriptionId' | 'receivedAt' | 'tokens' | 'text'>): HeldShare {
  return { id, subscriptionId, receivedAt, bytes: heldBytes(Buffer.byteLength(text), tokens) };
}

function toHeldItem(item: ReceivedItem, post: Post, clientStateDigest: string): HeldItem {
  return {
    id: heldItemId(post.id, item.place),
    organizationId: DEFAULT_ORGANIZATION,
    subscriptionId: item.subscriptionId,
    receiptId: post.id,
    place: item.place,
    receivedAt: post.receivedAt,
    clientStateDigest,
    tokens: tokensOf(item, post),
    text: item.text,
  };
}

function tokensOf({ encrypted }: ReceivedItem, { tokens }: Post): Envelope | null {
  return encrypted ? tokens : null;
}

function heldItemId(receiptId: string, place: number): string {
  return `${receiptId}_${place}`;
}

type SameClientState = (clientState: string, expected: string) => boolean;

/**
 * The items of a POST are mostly of one subscription, and repeat its clientState. For one POST only:
 * comparing a guess with what somebody else sent before, which may be genuine, would take a time
 * that tells how near it came.
 */
function rememberLast(same: SameClientState): SameClientState {
  let last = { clientState: '', expected: '', result: false };
  return (clientState, expected) => {
    if (clientState !== last.clientState || expected !== last.expected) {
      last = { clientState, expected, result: same(clientState, expected) };
    }
    return last.result;
  };
}
