import { z } from 'zod';
import type { Sink } from '../../domain/delivery/sink.ts';
import type { MongoDatabase } from './database.ts';

const Envelope = z.object({
  keyId: z.string(),
  encrypted: z.string(),
  iv: z.string(),
  tag: z.string(),
});

const Filter = z.object({
  tenantId: z.array(z.string()).optional(),
  subscriptionId: z.array(z.string()).optional(),
  resource: z.array(z.string()).optional(),
  changeType: z.array(z.string()).optional(),
  lifecycle: z.enum(['none', 'also', 'only']).optional(),
});

/** A document of `sinks`; fields that a newer version has added are left out. */
export const SinkDocument: z.ZodType<Sink> = z.object({
  id: z.string(),
  organizationId: z.string(),
  name: z.string(),
  kind: z.enum(['webhook', 'log', 'redis-stream', 'mongo-collection', 'listen']),
  purpose: z.enum(['notifications', 'operations']),
  url: z.string().nullable(),
  stream: z.string().nullable(),
  collection: z.string().nullable(),
  secrets: Envelope.nullable(),
  previousSecretsUntil: z.int().nullable(),
  headers: Envelope.nullable(),
  filter: Filter,
  enabled: z.boolean(),
  disabledReason: z.string().nullable(),
  concurrency: z.int(),
  ratePerSecond: z.number().nullable(),
  description: z.string().nullable(),
  notes: z.string().nullable(),
  failingSince: z.int().nullable(),
  createdAt: z.int(),
  updatedAt: z.int(),
  deletedAt: z.int().nullable(),
});

/** Always of the primary, whatever the URL prefers: one that a stale copy lacks is not gone. */
export function sinksOf({ db }: MongoDatabase) {
  return db.collection('sinks', { readPreference: 'primary' });
}
