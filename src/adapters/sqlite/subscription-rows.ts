import { z } from 'zod';
import type {
  KnownSubscription,
  Subscription,
  SubscriptionChange,
} from '../../domain/subscriptions/subscription.ts';
import type { ChangeValues } from './change.ts';
import { BooleanColumn, jsonColumn } from './columns.ts';

/** The answer of a look-up: one text, columns by their place. */
export const KnownText = jsonColumn(
  z.array(
    z
      .tuple([z.string(), z.string(), z.string(), z.string(), z.string(), z.int().nullable()])
      .transform(
        ([id, organizationId, tenantId, applicationId, clientStateDigest, deletedAt]) =>
          ({
            id,
            organizationId,
            tenantId,
            applicationId,
            clientStateDigest,
            deletedAt,
          }) satisfies KnownSubscription,
      ),
  ),
);

const Row = z.object({
  id: z.string(),
  organizationId: z.string(),
  tenantId: z.string(),
  applicationId: z.string(),
  clientStateDigest: z.string(),
  changeType: z.string(),
  resource: z.string(),
  expirationAt: z.int(),
  includeResourceData: BooleanColumn,
  encryptionCertificateId: z.string().nullable(),
  description: z.string().nullable(),
  notes: z.string().nullable(),
  createdAt: z.int(),
  updatedAt: z.int(),
  deletedAt: z.int().nullable(),
});

/** A subscription as it comes from the thread. */
export const SubscriptionRow: z.ZodType<Subscription> = Row;

export const SubscriptionRows = z.array(Row);
export const ListedSubscriptionRows = z.array(Row.extend({ seq: z.int() }));

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
    notes: subscription.notes,
    createdAt: subscription.createdAt,
    updatedAt: subscription.updatedAt,
    deletedAt: subscription.deletedAt,
  };
}

/** The fields that are given, as they go to the thread. */
export function writeSubscriptionChange(change: SubscriptionChange): ChangeValues {
  const { includeResourceData, ...plain } = change;
  return {
    ...plain,
    ...(includeResourceData !== undefined && { includeResourceData: Number(includeResourceData) }),
  };
}
