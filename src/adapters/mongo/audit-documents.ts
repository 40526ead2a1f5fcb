import { randomUUID } from 'node:crypto';
import { ObjectId } from 'mongodb';
import { z } from 'zod';
import type { AuditEntry, RecordedAuditEntry } from '../../domain/audit/audit-entry.ts';
import type { Place } from './page-walk.ts';

const Text = z.string().optional();

const AuditDocument = z.object({
  _id: z.string(),
  organizationId: z.string(),
  timestamp: z.int(),
  /** Rises with each entry of one instance. */
  order: z.instanceof(ObjectId),
  entry: z.object({
    eventType: z.string(),
    severity: z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']),
    outcome: z.enum(['SUCCESS', 'FAILURE', 'ERROR']),
    userId: Text,
    ipAddress: Text,
    userAgent: Text,
    resource: Text,
    action: Text,
    requestId: Text,
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .optional(),
    errorMessage: Text,
  }),
});

export type AuditDocument = z.infer<typeof AuditDocument>;

export function toAuditDocument(entry: AuditEntry, timestamp: number): AuditDocument {
  const { organizationId, ...rest } = entry;
  return {
    _id: randomUUID(),
    organizationId,
    timestamp,
    order: new ObjectId(),
    entry: { ...rest },
  };
}

export function readAuditEntry(document: unknown): RecordedAuditEntry {
  const { _id, organizationId, timestamp, entry } = AuditDocument.parse(document);
  return { ...entry, organizationId, id: _id, timestamp };
}

const PlaceFields = AuditDocument.pick({ timestamp: true, order: true });

export function readAuditPlace(document: unknown): Place {
  const { timestamp, order } = PlaceFields.parse(document);
  return [timestamp, order.toHexString()];
}
