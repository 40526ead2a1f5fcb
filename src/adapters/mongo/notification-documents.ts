import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { Notification } from '../../domain/notifications/notification.ts';
import type { MongoDatabase } from './database.ts';

/** A document of `notifications`. */
export interface NotificationDocument extends Omit<Notification, 'id'> {
  readonly _id: string;
  readonly expanded: boolean;
  /** Tells apart those that were received at the same time; rises as they are inserted. */
  readonly order: ObjectId;
  /** The purge that is about to remove it. */
  readonly leaving?: ObjectId;
}

const Envelope = z.object({
  keyId: z.string(),
  encrypted: z.string(),
  iv: z.string(),
  tag: z.string(),
});

/** An envelope, or nothing. */
export const EnvelopeOrNone = Envelope.nullable();

const Bare = z.object({
  _id: z.string(),
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
  sinkIds: z.array(z.string()),
});

const Whole = Bare.extend({ data: z.string().nullable(), sealed: EnvelopeOrNone });

export type BareNotification = Omit<Notification, 'data' | 'sealed'>;

/** Leaves out what is large. */
export const BARE = { data: 0, sealed: 0 } as const;

export function readBareNotification(document: unknown): BareNotification {
  const { _id: id, ...fields } = Bare.parse(document);
  return { id, ...fields };
}

export function readNotification(document: unknown): Notification {
  const { _id: id, ...fields } = Whole.parse(document);
  return { id, ...fields };
}

/** The document of a new notification. */
export function writeNotification({ id, ...fields }: Notification): NotificationDocument {
  return { _id: id, ...fields, expanded: false, order: new ObjectId() };
}

/** Always of the primary, whatever the URL prefers: one that is missing in a stale copy is not gone. */
export function notificationsOf({ db }: MongoDatabase) {
  return db.collection<NotificationDocument>('notifications', { readPreference: 'primary' });
}
