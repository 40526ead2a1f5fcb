import type { PlannedItem } from './plan-traffic.ts';
import { itemIdOf } from './render-post.ts';

/** An event that came to the simulation's sink under a genuine signature. */
export interface ArrivedEvent {
  readonly eventId: string;
  readonly itemId: string;
  readonly sequence: string;
  readonly forged: boolean;
}

/** What came of it so far. An item that is sent twice is one item. */
export interface LedgerFigures {
  /** POSTs that were sent, and how often one had to be sent again. */
  readonly posts: number;
  readonly retries: number;
  /** Genuine items, and how many of them were sent a second time on purpose. */
  readonly sent: number;
  readonly repeated: number;
  /** Genuine items that were in a POST answered with 2xx. */
  readonly acknowledged: number;
  /** Genuine items that arrived, acknowledged or not. */
  readonly delivered: number;
  /** Genuine items that were acknowledged and did not arrive. */
  readonly missing: number;
  /** Arrivals of what had arrived before; allowed, as delivery is at least once. */
  readonly duplicates: number;
  /** Items that arrived under a second event id: a consumer cannot tell that they are duplicates. */
  readonly changedIds: number;
  /** Events whose `sequence` is below that of one that arrived before; allowed. */
  readonly outOfOrder: number;
  readonly forgedSent: number;
  readonly forgedDelivered: number;
  /** Deliveries that are not to be believed: by their signature, or because nothing of the kind was sent. */
  readonly unverified: number;
}

/** Compares what was sent and acknowledged with what arrived. */
export class Ledger {
  readonly #sent = new Set<string>();
  readonly #acknowledged = new Set<string>();
  readonly #missing = new Set<string>();
  /** Of each item that arrived the first event id. */
  readonly #eventIds = new Map<string, string>();
  readonly #changed = new Set<string>();
  #highest = '';
  #counts = {
    posts: 0,
    retries: 0,
    repeated: 0,
    duplicates: 0,
    outOfOrder: 0,
    forgedSent: 0,
    forgedDelivered: 0,
    unverified: 0,
  };

  /** Call it before the POST leaves: its items may arrive before its answer does. */
  sending(items: readonly PlannedItem[]): void {
    this.#counts.posts += 1;
    for (const item of items) {
      const id = itemIdOf(item);
      if (item.forgery !== null) this.#counts.forgedSent += 1;
      else if (this.#sent.has(id)) this.#counts.repeated += 1;
      else this.#sent.add(id);
    }
  }

  retried(): void {
    this.#counts.retries += 1;
  }

  acknowledged(items: readonly PlannedItem[]): void {
    for (const item of items) {
      if (item.forgery !== null) continue;
      const id = itemIdOf(item);
      this.#acknowledged.add(id);
      if (!this.#eventIds.has(id)) this.#missing.add(id);
    }
  }

  arrived({ eventId, itemId, sequence, forged }: ArrivedEvent): void {
    if (forged) this.#counts.forgedDelivered += 1;
    else if (!this.#sent.has(itemId)) this.#counts.unverified += 1;
    else if (this.#eventIds.has(itemId)) this.#arrivedAgain(itemId, eventId);
    else {
      this.#eventIds.set(itemId, eventId);
      this.#missing.delete(itemId);
      if (sequence < this.#highest) this.#counts.outOfOrder += 1;
      else this.#highest = sequence;
    }
  }

  unverified(): void {
    this.#counts.unverified += 1;
  }

  /** How often anything came to the sink; stands still when all is quiet. */
  get arrivals(): number {
    const { duplicates, forgedDelivered, unverified } = this.#counts;
    return this.#eventIds.size + duplicates + forgedDelivered + unverified;
  }

  figures(): LedgerFigures {
    return {
      ...this.#counts,
      sent: this.#sent.size,
      acknowledged: this.#acknowledged.size,
      delivered: this.#eventIds.size,
      missing: this.#missing.size,
      changedIds: this.#changed.size,
    };
  }

  #arrivedAgain(itemId: string, eventId: string): void {
    this.#counts.duplicates += 1;
    if (this.#eventIds.get(itemId) !== eventId) this.#changed.add(itemId);
  }
}
