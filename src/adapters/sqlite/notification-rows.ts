import { z } from 'zod';
import type { Notification } from '../../domain/notifications/notification.ts';
import { BooleanColumn, EnvelopeColumn, jsonColumn, writeEnvelope } from './columns.ts';

const SinkIds = jsonColumn(z.array(z.string()));

const BareNotification = z.object({
  id: z.string(),
  organizationId: z.string(),
  subscriptionId: z.string(),
  tenantId: z.string(),
  applicationId: z.string(),
  state: z.enum(['accepted', 'pending', 'waiting']),
  type: z.string(),
  subject: z.string(),
  sequence: z.string(),
  receivedAt: z.int(),
  receiptId: z.string(),
  place: z.int(),
  sinkIds: SinkIds,
});

/** A notification as it comes from the thread, without what is large. */
export const BareNotificationRow: z.ZodType<Omit<Notification, 'data' | 'sealed'>> =
  BareNotification;

/** A notification as it comes from the thread. */
export const NotificationRow: z.ZodType<Notification> = BareNotification.extend({
  data: z.string().nullable(),
  sealed: EnvelopeColumn,
});

/** What an insert found; `null` is the given row, which is new. */
export const FoundRows = z.array(
  z
    .object({ found: z.enum(['own', 'duplicate']), expanded: BooleanColumn, sinkIds: SinkIds })
    .nullable(),
);

/** What a search found in the rows that it looked at, and where it stopped; `null` at the end. */
export const SearchReply = z.object({
  rows: z.array(z.object({ seq: z.int(), row: NotificationRow })),
  stoppedAt: z.tuple([z.int(), z.int()]).nullable(),
});

export type NotificationValues = ReturnType<typeof writeNotification>;

/** A notification as it goes to the thread. */
export function writeNotification(notification: Notification) {
  return {
    id: notification.id,
    organizationId: notification.organizationId,
    subscriptionId: notification.subscriptionId,
    tenantId: notification.tenantId,
    applicationId: notification.applicationId,
    state: notification.state,
    type: notification.type,
    subject: notification.subject,
    sequence: notification.sequence,
    receivedAt: notification.receivedAt,
    receiptId: notification.receiptId,
    place: notification.place,
    sinkIds: JSON.stringify(notification.sinkIds),
    data: notification.data,
    sealed: writeEnvelope(notification.sealed),
  };
}
