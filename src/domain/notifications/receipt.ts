import type { Envelope } from '../envelope.ts';

/** One accepted item inside a receipt. */
export interface ReceiptItem {
  /** Where it stood in the POST's `value`, from 0. */
  readonly place: number;
  readonly organizationId: string;
  /** Lower case. */
  readonly subscriptionId: string;
  readonly applicationId: string;
  /** Graph's item as it was sent, without `clientState`; JSON text, never parsed and rebuilt. */
  readonly text: string;
}

/**
 * What one POST brought and was accepted; written before the POST is acknowledged, gone once
 * its items are notifications.
 */
export interface Receipt {
  /** Of `createReceiptId`: sorts by time of receipt. */
  readonly id: string;
  /** Of its first item; each item names its own, because a POST may mix subscriptions. */
  readonly organizationId: string;
  readonly receivedAt: number;
  /**
   * Graph's `validationTokens` as a JSON array of strings, sealed under `tokensContext(id)`; `null`
   * when none of the items is encrypted.
   */
  readonly tokens: Envelope | null;
  /** At least one. */
  readonly items: readonly ReceiptItem[];
}

/** An item of a subscription that is not known yet; judged again when it is. */
export interface HeldItem {
  /** Receipt id and place of the POST that brought it, joined by `_`. */
  readonly id: string;
  /** `default`: whose it is shows only when the subscription is known. */
  readonly organizationId: string;
  /** Lower case. */
  readonly subscriptionId: string;
  /** The receipt id of the POST that brought it. */
  readonly receiptId: string;
  readonly place: number;
  readonly receivedAt: number;
  /** SHA-256 of the clientState, lower-case hex; of the empty text when there was none. */
  readonly clientStateDigest: string;
  /** As in `Receipt`, under `tokensContext(receiptId)`; `null` for a plain item. */
  readonly tokens: Envelope | null;
  /** As in `ReceiptItem`. */
  readonly text: string;
}

/** How many sequences fit into a millisecond. */
const PER_MS = 100_000;

/** Begins what the id of a held receipt has beyond the POST's; unreserved in URLs (RFC 3986 §2.3). */
const HELD_MARK = '~';

/**
 * Numbers what one instance receives. Ids and sequences are fixed-width, so they sort as text:
 * 15 digits of epoch milliseconds, 5 digits of a counter within one, and the instance.
 * They rise within one instance, a clock that is set back included.
 */
export class ReceiptCounter {
  readonly #instance: string;
  #atMs = 0;
  #next = 0;

  /** `instance` tells instances apart; of one length in all of them, and without `~`. */
  constructor(instance: string) {
    this.#instance = instance;
  }

  /** The id of a new receipt, with room for the sequences of the places 0 to `places` - 1. */
  next(nowMs: number, places: number): string {
    if (nowMs > this.#atMs) {
      this.#atMs = nowMs;
      this.#next = 0;
    }
    const id = formatSequence(this.#atMs, this.#next, this.#instance);
    const after = this.#next + Math.max(1, places);
    this.#atMs += Math.floor(after / PER_MS);
    this.#next = after % PER_MS;
    return id;
  }
}

/** The `sequence` of an item: that of the POST that brought it, counted on by its place. */
export function sequenceOf(receiptId: string, place: number): string {
  const [postId = ''] = receiptId.split(HELD_MARK);
  const [atMs, counter, instance] = [postId.slice(0, 15), postId.slice(16, 21), postId.slice(22)];
  const at = Number(counter) + place;
  return formatSequence(Number(atMs) + Math.floor(at / PER_MS), at % PER_MS, instance);
}

/**
 * The context that a POST's validation tokens are sealed under. The receipt of items that had been
 * held bears the POST's id and the subscription's: both give one context.
 */
export function tokensContext(receiptId: string): string {
  return `receipt:${sequenceOf(receiptId, 0)}:tokens`;
}

/**
 * The id of the receipt of items of one subscription that had been held. `places` tells apart which of
 * them: a store may show them in parts, and an id that is there already would pass for all of them.
 */
export function heldReceiptId(receiptId: string, subscriptionId: string, places: string): string {
  return [receiptId, subscriptionId, places].join(HELD_MARK);
}

function formatSequence(atMs: number, counter: number, instance: string): string {
  return `${String(atMs).padStart(15, '0')}-${String(counter).padStart(5, '0')}-${instance}`;
}
