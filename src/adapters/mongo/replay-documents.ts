import { z } from 'zod';
import type { Replay } from '../../domain/delivery/replay.ts';

const Filter = z.object({
  subscriptionId: z.string().optional(),
  tenantId: z.string().optional(),
  sinkId: z.string().optional(),
  receivedFrom: z.int().optional(),
  receivedBefore: z.int(),
});

/** A document of `replays`; fields that a newer version has added are left out. */
export const ReplayDocument: z.ZodType<Replay> = z.object({
  id: z.string(),
  organizationId: z.string(),
  filter: Filter,
  sinkId: z.string().nullable(),
  state: z.enum(['running', 'done']),
  cursor: z.string().nullable(),
  notifications: z.int(),
  deliveries: z.int(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
});
