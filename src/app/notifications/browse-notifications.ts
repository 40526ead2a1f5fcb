import { NotFoundError, UnknownKeyError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Notification } from '../../domain/notifications/notification.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { Attempt, Delivery } from '../../domain/delivery/delivery.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { DeliveryStore, NotificationQuery } from '../../ports/delivery-store.ts';

/** A try with the beginning of the sink's answer in clear; `null` also when its key is gone. */
export type OpenedAttempt = Omit<Attempt, 'answer'> & { readonly answer: string | null };

export interface BrowsedNotification {
  readonly notification: Notification;
  readonly deliveries: readonly (Delivery & { readonly attempts: readonly OpenedAttempt[] })[];
}

export type BrowseNotifications = ReturnType<typeof createBrowseNotifications>;

/** What was received, and what became of it. */
export function createBrowseNotifications(deps: { deliveries: DeliveryStore; cipher: Cipher }) {
  function open(deliveryId: string, { answer, ...rest }: Attempt): OpenedAttempt {
    if (answer === null) return { ...rest, answer };
    try {
      return { ...rest, answer: deps.cipher.open(answer, `attempt:${deliveryId}`) };
    } catch (error) {
      // Keys are given up after a rotation; the rest of the story is worth telling all the same.
      if (error instanceof UnknownKeyError) return { ...rest, answer: null };
      throw error;
    }
  }

  return {
    search(
      principal: Principal,
      query: NotificationQuery,
      page: PageRequest,
    ): Promise<Page<Notification>> {
      return deps.deliveries.search(principal.organizationId, query, page);
    },

    async get(principal: Principal, id: string): Promise<BrowsedNotification> {
      const notification = await deps.deliveries.find(principal.organizationId, id);
      if (notification === undefined) throw new NotFoundError('There is no such notification');
      const deliveries = await deps.deliveries.deliveriesOf(id);
      return {
        notification,
        deliveries: deliveries.map(({ attempts, ...delivery }) => ({
          ...delivery,
          attempts: attempts.map((attempt) => open(delivery.id, attempt)),
        })),
      };
    },
  };
}
