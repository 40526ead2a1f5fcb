import { z } from 'zod';
import type {
  BrowsedNotification,
  BrowseNotifications,
  OpenedAttempt,
} from '../../../app/notifications/browse-notifications.ts';
import type { Notification } from '../../../domain/notifications/notification.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { idOf, principalOf } from '../request-state.ts';
import { guid, page, time } from '../schemas.ts';
import { createRouter, type Routes } from '../router.ts';

const Query = z.strictObject({
  state: z.enum(['accepted', 'pending', 'waiting']).optional(),
  delivery: z.enum(['due', 'claimed', 'delivered', 'dead', 'discarded']).optional(),
  subscriptionId: guid.optional(),
  tenantId: guid.optional(),
  sinkId: guid.optional(),
  from: time.optional(),
  before: time.optional(),
  ...page,
});

/** What was received, and what became of it. */
export function notificationRoutes(deps: { notifications: BrowseNotifications }): Routes {
  const router = createRouter('/api/notifications');

  router.get('/', async function searchNotifications(ctx) {
    const { limit, cursor, from, before, ...query } = parse(Query, ctx.query);
    const found = await deps.notifications.search(
      principalOf(ctx),
      { ...query, receivedFrom: from, receivedBefore: before },
      { limit, cursor },
    );
    ctx.body = presentPage(found, presentNotification);
  });

  router.get('/:id', async function showNotification(ctx) {
    const found = await deps.notifications.get(principalOf(ctx), idOf(ctx));
    ctx.type = 'application/json';
    ctx.body = renderNotification(found);
  });

  return router;
}

/** Without `data`: one item may be megabytes, and a list has 200. */
export function presentNotification(notification: Omit<Notification, 'data' | 'sealed'>): object {
  return {
    id: notification.id,
    subscriptionId: notification.subscriptionId,
    tenantId: notification.tenantId,
    applicationId: notification.applicationId,
    state: notification.state,
    type: notification.type,
    subject: notification.subject,
    sequence: notification.sequence,
    receivedAt: presentTime(notification.receivedAt),
  };
}

/** As JSON text, because `data` goes out as it came in: parsing it would round large integers. */
function renderNotification({ notification, deliveries }: BrowsedNotification): string {
  const shown = {
    ...presentNotification(notification),
    deliveries: deliveries.map(presentDelivery),
  };
  return `${JSON.stringify(shown).slice(0, -1)},"data":${notification.data ?? 'null'}}`;
}

function presentDelivery(delivery: BrowsedNotification['deliveries'][number]): object {
  return {
    id: delivery.id,
    sinkId: delivery.sinkId,
    state: delivery.state,
    dueAt: presentTime(delivery.finishedAt === null ? delivery.dueAt : null),
    attempt: delivery.attempt,
    reason: delivery.reason,
    createdAt: presentTime(delivery.createdAt),
    finishedAt: presentTime(delivery.finishedAt),
    attempts: delivery.attempts.map(presentAttempt),
  };
}

function presentAttempt(attempt: OpenedAttempt): object {
  return {
    number: attempt.number,
    startedAt: presentTime(attempt.startedAt),
    durationMs: attempt.durationMs,
    outcome: attempt.outcome,
    reason: attempt.reason,
    status: attempt.status,
    answer: attempt.answer,
  };
}
