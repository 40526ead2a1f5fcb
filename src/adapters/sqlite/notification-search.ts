import { z } from 'zod';
import type { Notification } from '../../domain/notifications/notification.ts';
import type { DeliveryStore, NotificationQuery } from '../../ports/delivery-store.ts';
import { createCursors } from './cursor.ts';
import { SearchReply } from './notification-rows.ts';
import type { SearchArgument } from './search-procedure.ts';
import type { StoreCall } from './store-call.ts';

type Place = SearchArgument['after'];

const LATEST: Place = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
// A call takes a few milliseconds; between two of them the thread answers others.
const LOOK_AT = 2000;
// Then the page ends as it is, and its cursor goes on from there.
const MAX_CALLS = 100;

/** Searches notifications, the latest received first; of one millisecond, the last inserted. */
export function createNotificationSearch(read: StoreCall): DeliveryStore['search'] {
  const cursors = createCursors('notifications', z.tuple([z.int(), z.int()]).readonly());

  return async function search(organizationId, query, { limit, cursor }) {
    const argument = { organizationId, ...toArgument(query), lookAt: LOOK_AT };
    const found: { row: Notification; seq: number }[] = [];
    let after: Place | null = startOf(cursors.read(cursor, LATEST), query);

    for (let calls = 0; after !== null && found.length <= limit && calls < MAX_CALLS; calls += 1) {
      const wanted = limit + 1 - found.length;
      const reply = await read('searchNotifications', { ...argument, after, limit: wanted });
      const { rows, stoppedAt } = SearchReply.parse(reply);
      found.push(...rows);
      after = stoppedAt;
    }

    const kept = found.slice(0, limit);
    const last = found.length > limit ? kept.at(-1) : undefined;
    const end = last === undefined ? after : ([last.row.receivedAt, last.seq] as const);
    const nextCursor = end === null ? null : cursors.write(end);
    return { data: kept.map(({ row }) => row), nextCursor };
  };
}

/** Where the walk begins: what was received too late is not even looked at. */
function startOf(
  after: Place,
  { receivedBefore = Number.MAX_SAFE_INTEGER }: NotificationQuery,
): Place {
  return receivedBefore <= after[0] ? [receivedBefore, 0] : after;
}

/** Only what is given crosses to the thread: a statement binds no other parameters. */
function toArgument(query: NotificationQuery) {
  const { state, subscriptionId, tenantId, sinkId, delivery, receivedFrom = 0 } = query;
  return {
    match: {
      ...(state !== undefined && { state }),
      ...(subscriptionId !== undefined && { subscriptionId }),
      ...(tenantId !== undefined && { tenantId }),
    },
    delivery: {
      ...(sinkId !== undefined && { sinkId }),
      ...(delivery !== undefined && { deliveryState: delivery }),
    },
    receivedFrom,
  };
}
