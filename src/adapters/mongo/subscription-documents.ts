import { z } from 'zod';
import type { KnownSubscription, Subscription } from '../../domain/subscriptions/subscription.ts';

/** What judging needs of a document of `subscriptions`. */
export const KnownDocument = z.object({
  id: z.string(),
  organizationId: z.string(),
  tenantId: z.string(),
  applicationId: z.string(),
  clientStateDigest: z.string(),
  deletedAt: z.int().nullable(),
}) satisfies z.ZodType<KnownSubscription>;

/** A document of `subscriptions`; fields that a newer version has added are left out. */
export const SubscriptionDocument: z.ZodType<Subscription> = KnownDocument.extend({
  changeType: z.string(),
  resource: z.string(),
  expirationAt: z.int(),
  includeResourceData: z.boolean(),
  encryptionCertificateId: z.string().nullable(),
  description: z.string().nullable(),
  notes: z.string().nullable(),
  createdAt: z.int(),
  updatedAt: z.int(),
});
