import type { HeldItem, Receipt } from '../domain/notifications/receipt.ts';

/** What one append stores, all of it or nothing. At least one of the lists or the receipt. */
export interface InboxAppend {
  readonly receipt?: Receipt | undefined;
  /** Written before the receipt. */
  readonly held?: readonly HeldItem[];
  /** Ids of held items that this receipt takes over, or that are given up. Removed last. */
  readonly release?: readonly string[];
}

/** A receipt that waits to be expanded. */
export interface Unsettled {
  readonly id: string;
  readonly receivedAt: number;
}

/** One held item, as far as limits count it. */
export interface HeldUsage {
  readonly id: string;
  readonly subscriptionId: string;
  readonly receivedAt: number;
  /** As `heldBytes` counts them. */
  readonly bytes: number;
}

/**
 * Where accepted POSTs wait to be expanded: the only thing between Graph and its answer.
 *
 * Durable: what `append` has resolved for survives a crash of the process and a loss of power
 * (as far as the disk keeps its word). Appends are grouped: while one write is in flight the next
 * ones gather and go together. Without load an append waits for nobody.
 *
 * Errors: rejects with `StoreUnavailableError` when it cannot do its work, never sooner than it
 * knows and never later than the deadline it was given.
 */
export interface Inbox {
  /**
   * Stores everything of one POST and resolves when that is durable.
   *
   * `deadline` is an epoch time in milliseconds. When it passes before the write has begun, nothing
   * is written; when it passes later, the write may still become durable, and Graph's repeat is
   * then a duplicate. Either way it rejects at the deadline.
   *
   * Appending a receipt or a held item whose id is there already changes nothing and is no error.
   *
   * `isHeld` is called once what is held is durable: before this resolves, or before or after it
   * rejects. Never for what is not there.
   */
  append(entry: InboxAppend, deadline: number, isHeld?: () => void): Promise<void>;

  /** Receipts that are not settled, oldest first, after the id `after`; ids only. */
  unsettled(page: { after?: string | undefined; limit: number }): Promise<readonly Unsettled[]>;

  /** A receipt; `undefined` when it is settled or never was. */
  read(id: string): Promise<Receipt | undefined>;

  /**
   * Forgets a receipt whose items are durable elsewhere. From now on it does not count and is not
   * listed; its removal is written soon, with the next append or within 100 ms. A crash before
   * that brings it back, and its expansion runs again. Never throws.
   */
  settle(id: string): void;

  /** Receipts that are not settled, and since when the oldest waits (epoch ms); known at once. */
  backlog(): { readonly receipts: number; readonly oldestAt: number | null };

  /** Distinct ids of the subscriptions of which something is held. */
  heldSubscriptions(): Promise<readonly string[]>;

  /** What is held of one subscription, oldest first, and in the order of its POST. */
  heldOf(subscriptionId: string): Promise<readonly HeldItem[]>;

  /** Everything that is held, for counting after a start. */
  heldUsage(): Promise<readonly HeldUsage[]>;

  /** Drops what was received before `before`; gives how many that were. */
  purgeHeld(before: number): Promise<number>;
}
