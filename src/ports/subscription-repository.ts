import type { Page, PageRequest } from '../domain/page.ts';
import type {
  KnownSubscription,
  Subscription,
  SubscriptionChange,
} from '../domain/subscriptions/subscription.ts';

/**
 * Subscriptions, by organisation. Reads leave soft-deleted ones out, `lookUp` does not.
 * Errors: `StoreUnavailableError`.
 */
export interface SubscriptionRepository {
  /** Adds one; `false` when its id is taken, in whatever organisation, deleted or not. Atomic. */
  insert(subscription: Subscription): Promise<boolean>;

  find(organizationId: string, id: string): Promise<Subscription | undefined>;

  /** The latest first; with `deleted` those that are soft-deleted, and no others. */
  list(
    organizationId: string,
    page: PageRequest & { readonly deleted?: boolean | undefined },
  ): Promise<Page<Subscription>>;

  /**
   * Changes the given fields and no others, in one atomic write, and gives the subscription as it
   * is then; `undefined` when there is none.
   */
  update(
    organizationId: string,
    id: string,
    change: SubscriptionChange,
    now: number,
  ): Promise<Subscription | undefined>;

  /** Soft-deletes; `false` when there is none (any more). */
  softDelete(organizationId: string, id: string, now: number): Promise<boolean>;

  /** Takes a soft delete back; gives the subscription, `undefined` when none is deleted under this id. */
  restore(organizationId: string, id: string, now: number): Promise<Subscription | undefined>;

  /** Removes for good what is soft-deleted; `false` when nothing under this id is. */
  permanentlyDelete(organizationId: string, id: string): Promise<boolean>;

  /**
   * Those of all organisations that end at `from` or later and before `before` and are not deleted,
   * the next to end first.
   */
  ending(
    range: { readonly from: number; readonly before: number },
    limit: number,
  ): Promise<readonly Subscription[]>;

  /**
   * What is known under these ids, over all organisations, soft-deleted ones included; ids that
   * are not known are left out. One query for any number of ids.
   */
  lookUp(ids: readonly string[]): Promise<readonly KnownSubscription[]>;
}
