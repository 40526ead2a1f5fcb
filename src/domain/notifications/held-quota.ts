import type { Envelope } from '../envelope.ts';

/** How much an instance holds of subscriptions that it does not know. */
export interface HeldLimits {
  readonly perSubscription: number;
  readonly items: number;
  readonly bytes: number;
  readonly ageMs: number;
}

/**
 * Enough for the seconds between a subscription's creation at Graph and its import here; too
 * little for a stranger to fill the disk with.
 */
export const HELD_LIMITS: HeldLimits = {
  perSubscription: 20,
  items: 10_000,
  bytes: 16 * 1024 * 1024,
  ageMs: 10 * 60 * 1000,
};

/**
 * What holding an item takes: its own bytes, and those of the validation tokens of its POST, of which
 * each encrypted item gets a copy.
 */
export function heldBytes(textBytes: number, tokens: Envelope | null): number {
  return textBytes + (tokens?.encrypted.length ?? 0);
}

/** One held item as far as the quota counts it. */
export interface HeldShare {
  readonly id: string;
  readonly subscriptionId: string;
  readonly receivedAt: number;
  readonly bytes: number;
}

/** Counts what is held, so that what does not fit is never written. */
export class HeldQuota {
  readonly #limits: HeldLimits;
  readonly #shares = new Map<string, HeldShare>();
  readonly #bySubscription = new Map<string, number>();
  #bytes = 0;

  constructor(limits: HeldLimits = HELD_LIMITS) {
    this.#limits = limits;
  }

  get items(): number {
    return this.#shares.size;
  }

  /** Takes room for an item; `false`, and nothing taken, when there is none. */
  take(share: HeldShare): boolean {
    const { perSubscription, items, bytes } = this.#limits;
    const ofSubscription = this.#bySubscription.get(share.subscriptionId) ?? 0;
    const fits =
      ofSubscription < perSubscription &&
      this.#shares.size < items &&
      this.#bytes + share.bytes <= bytes;
    if (fits) this.#add(share, ofSubscription);
    return fits;
  }

  /** Counts what is there already, as after a start, whether it fits or not. */
  restore(shares: readonly HeldShare[]): void {
    for (const share of shares) {
      this.#add(share, this.#bySubscription.get(share.subscriptionId) ?? 0);
    }
  }

  /** Gives back the room of these items; ids that are not counted are no error. */
  release(ids: Iterable<string>): void {
    for (const id of ids) {
      const share = this.#shares.get(id);
      if (share === undefined) continue;
      this.#shares.delete(id);
      this.#bytes -= share.bytes;
      const left = (this.#bySubscription.get(share.subscriptionId) ?? 1) - 1;
      if (left > 0) this.#bySubscription.set(share.subscriptionId, left);
      else this.#bySubscription.delete(share.subscriptionId);
    }
  }

  /** Gives back what was received before `before`. */
  expire(before: number): void {
    const old = [...this.#shares.values()].filter(({ receivedAt }) => receivedAt < before);
    this.release(old.map(({ id }) => id));
  }

  #add(share: HeldShare, ofSubscription: number): void {
    this.#shares.set(share.id, share);
    this.#bySubscription.set(share.subscriptionId, ofSubscription + 1);
    this.#bytes += share.bytes;
  }
}
