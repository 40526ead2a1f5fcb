import { z } from 'zod';
import type { Sink, SinkChange } from '../../domain/delivery/sink.ts';
import type { ChangeValues } from './change.ts';
import { BooleanColumn, EnvelopeColumn, jsonColumn, writeEnvelope } from './columns.ts';

const Filter = z.object({
  tenantId: z.array(z.string()).optional(),
  subscriptionId: z.array(z.string()).optional(),
  resource: z.array(z.string()).optional(),
  changeType: z.array(z.string()).optional(),
  lifecycle: z.enum(['none', 'also', 'only']).optional(),
});

const Row = z.object({
  id: z.string(),
  organizationId: z.string(),
  name: z.string(),
  kind: z.enum(['webhook', 'log', 'redis-stream', 'mongo-collection', 'listen']),
  purpose: z.enum(['notifications', 'operations']),
  url: z.string().nullable(),
  stream: z.string().nullable(),
  collection: z.string().nullable(),
  secrets: EnvelopeColumn,
  previousSecretsUntil: z.int().nullable(),
  headers: EnvelopeColumn,
  filter: jsonColumn(Filter),
  enabled: BooleanColumn,
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

/** A sink as it comes from the thread. */
export const SinkRow: z.ZodType<Sink> = Row;

/** All sinks as they come from the thread: each as JSON text of its row, unless they are the known. */
export const AllSinks = z.object({ digest: z.string(), rows: z.array(z.string()) }).nullable();
export const SinkText: z.ZodType<Sink> = jsonColumn(Row);

export const ListedSinkRows = z.array(Row.extend({ seq: z.int() }));

export type SinkValues = ReturnType<typeof writeSink>;

/** A sink as it goes to the thread. */
export function writeSink(sink: Sink) {
  return {
    id: sink.id,
    organizationId: sink.organizationId,
    name: sink.name,
    kind: sink.kind,
    purpose: sink.purpose,
    url: sink.url,
    stream: sink.stream,
    collection: sink.collection,
    secrets: writeEnvelope(sink.secrets),
    previousSecretsUntil: sink.previousSecretsUntil,
    headers: writeEnvelope(sink.headers),
    filter: JSON.stringify(sink.filter),
    enabled: Number(sink.enabled),
    disabledReason: sink.disabledReason,
    concurrency: sink.concurrency,
    ratePerSecond: sink.ratePerSecond,
    description: sink.description,
    notes: sink.notes,
    failingSince: sink.failingSince,
    createdAt: sink.createdAt,
    updatedAt: sink.updatedAt,
    deletedAt: sink.deletedAt,
  };
}

/** The fields that are given, as they go to the thread. */
export function writeSinkChange(change: SinkChange): ChangeValues {
  const { secrets, headers, filter, enabled, ...plain } = change;
  return {
    ...plain,
    ...(secrets !== undefined && { secrets: writeEnvelope(secrets) }),
    ...(headers !== undefined && { headers: writeEnvelope(headers) }),
    ...(filter !== undefined && { filter: JSON.stringify(filter) }),
    ...(enabled !== undefined && { enabled: Number(enabled) }),
  };
}
