import { randomInt } from 'node:crypto';
import { z } from 'zod';
import type { Secret } from '../domain/secret.ts';
import { SimulationError } from './simulation-error.ts';

/** What a simulation is told; whatever is missing has its default. Shares are from 0 to 1. */
export interface SimulationOptions extends z.input<typeof Options> {
  readonly operatorKey: Secret;
}

/** The same with every default filled in. */
export interface Settings extends z.output<typeof Options> {
  readonly operatorKey: Secret;
}

// What was sent and what arrived is kept in memory, a few hundred bytes for each item.
const MAX_ITEMS = 1_000_000;
const HOUR_MS = 3_600_000;

const share = z.number().min(0).max(1);
const everywhere = /^(0\.0\.0\.0|::)$/;
const address = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

const Options = z
  .object({
    /** Where the service listens; a path before its routes is kept. */
    url: address.transform((url) => url.replace(/\/+$/, '')),
    /** POSTs a second. */
    rate: z.number().min(0.1).max(2000).default(20),
    /** For so long new items come up; late and repeated ones follow. */
    durationMs: z
      .int()
      .min(1)
      .max(24 * HOUR_MS)
      .default(10_000),
    /** New items a POST. */
    batch: z.int().min(1).max(1000).default(5),
    /** Of the genuine items: sent a second time within a second. */
    duplicates: share.default(0.1),
    /** Of the genuine items: sent after later ones, within a second. */
    shuffled: share.default(0.1),
    /** Of the genuine items: sent late, by half of `lateMs` to all of it. */
    late: share.default(0.05),
    lateMs: z.int().min(1).max(HOUR_MS).default(3000),
    /** Of all new items: with a wrong client state, tenant or subscription. */
    forged: share.default(0.05),
    subscriptions: z.int().min(1).max(20).default(3),
    /** The same seed gives the same traffic, but for ids and secrets. */
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(() => randomInt(2 ** 32)),
    /** How long POSTs that failed are sent again after the last one, and then, how long to wait for stragglers. */
    settleMs: z
      .int()
      .min(0)
      .max(24 * HOUR_MS)
      .default(30_000),
    /** Where the simulation's own sink listens; port 0 takes a free one. */
    listen: z
      .object({ host: z.string().min(1), port: z.int().min(0).max(65_535) })
      .default({ host: '127.0.0.1', port: 0 }),
    /** Where the service reaches that listener, when it is not where it listens: a tunnel, a proxy. */
    sinkUrl: address.transform((url) => url.replace(/\/+$/, '')).optional(),
  })
  .refine(({ rate, durationMs, batch }) => ((rate * durationMs) / 1000) * batch <= MAX_ITEMS, {
    error: `rate, duration and batch make more than ${MAX_ITEMS} items`,
  })
  .refine(({ listen, sinkUrl }) => sinkUrl !== undefined || !everywhere.test(listen.host), {
    path: ['sinkUrl'],
    error: 'must say where the service reaches a sink that listens on every address',
  });

/** Fills in the defaults; throws a `SimulationError` that names every option out of its range. */
export function readSettings({ operatorKey, ...options }: SimulationOptions): Settings {
  const { success, data, error } = Options.safeParse(options);
  if (!success) throw new SimulationError('options', z.prettifyError(error));
  return { ...data, operatorKey };
}
