import { z } from 'zod';
import type { KnownSubscription, Subscription } from '../../domain/subscriptions/subscription.ts';
import { BooleanColumn } from './columns.ts';

const Known = z.object({
  id: z.string(),
  organizationId: z.string(),
  tenantId: z.string(),
  applicationId: z.string(),
  clientStateDigest: z.string(),
  deletedAt: z.int().nullable(),
});

export const KnownRows: z.ZodType<KnownSubscription[]> = z.array(Known);

const Row = Known.extend({
  changeType: z.string(),
  resource: z.string(),
  expirationAt: z.int(),
  includeResourceData: BooleanColumn,
  encryptionCertificateId: z.string().nullable(),
  description: z.string().nullable(),
  createdAt: z.int(),
  updatedAt: z.int(),
});

/** A subscription as it comes from the thread. */
export const SubscriptionRow: z.ZodType<Subscription> = Row;

export const SubscriptionRows = z.array(Row.extend({ seq: z.int() }));

export type SubscriptionValues = ReturnType<typeof writeSubscription>;

/** A subscription as it goes to the thread. */
export function writeSubscription(subscription: Subscription) {
  return {
    id: subscription.id,
    organizationId: subscription.organizationId,
    tenantId: subscription.tenantId,
    applicationId: subscription.applicationId,
    clientStateDigest: subscription.clientStateDigest,
    changeType: subscription.changeType,
    resource: subscription.resource,
    expirationAt: subscription.expirationAt,
    includeResourceData: Number(subscription.includeResourceData),
    encryptionCertificateId: subscription.encryptionCertificateId,
    description: subscription.description,
    createdAt: subscription.createdAt,
    updatedAt: subscription.updatedAt,
    deletedAt: subscription.deletedAt,
  };
}
