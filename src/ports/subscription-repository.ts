import type { Page, PageRequest } from '../domain/page.ts';
import type { KnownSubscription, Subscription } from '../domain/subscriptions/subscription.ts';

/**
 * Subscriptions, by organisation. Reads leave soft-deleted ones out, `lookUp` does not.
 * Errors: `StoreUnavailableError`.
 */
export interface SubscriptionRepository {
  /** Adds one; `false` when its id is taken, in whatever organisation, deleted or not. Atomic. */
  insert(subscription: Subscription): Promise<boolean>;

  find(organizationId: string, id: string): Promise<Subscription | undefined>;

  /** The latest first. */
  list(organizationId: string, page: PageRequest): Promise<Page<Subscription>>;

  /**
   * What is known under these ids, over all organisations, soft-deleted ones included; ids that
   * are not known are left out. One query for any number of ids.
   */
  lookUp(ids: readonly string[]): Promise<readonly KnownSubscription[]>;
}
