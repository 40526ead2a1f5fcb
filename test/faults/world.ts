import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createMemoryJobQueue } from '../../src/adapters/memory/job-queue.ts';
import { openSqliteInbox } from '../../src/adapters/sqlite/inbox.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createDeadLetters } from '../../src/app/delivery/dead-letters.ts';
import { createDeliver } from '../../src/app/delivery/deliver.ts';
import { createLanes } from '../../src/app/delivery/lanes.ts';
import { createSweep, type Sweep } from '../../src/app/delivery/sweep.ts';
import { createWatchSinks } from '../../src/app/delivery/watch-sinks.ts';
import { createExpandReceipt } from '../../src/app/notifications/expand-receipt.ts';
import { FreshReceipts } from '../../src/app/notifications/fresh-receipts.ts';
import { createJudgeHeld } from '../../src/app/notifications/judge-held.ts';
import { createRejectionAudit } from '../../src/app/notifications/rejection-audit.ts';
import { HeldQuota } from '../../src/domain/notifications/held-quota.ts';
import type { Receipt } from '../../src/domain/notifications/receipt.ts';
import type { SinkAnswer } from '../../src/ports/notification-sink.ts';
import { SettlingClock } from '../support/settling-clock.ts';
import { silentLog } from '../support/silent-log.ts';
import { Life, mortalAudit, mortalDeliveries, mortalInbox, mortalSinks } from './mortal.ts';

const STORE_TIMEOUT_MS = 3_600_000;

/** Ids of deliveries in the order their sinks were called, over all lives. */
export type Calls = string[];

export interface WorldOptions {
  readonly folder: string;
  readonly calls: Calls;
  readonly life?: Life;
  /** What a sink answers to a delivery's n-th call, from 1. */
  readonly answer?: ((deliveryId: string, call: number) => SinkAnswer) | undefined;
}

export type World = Awaited<ReturnType<typeof openWorld>>;

const DELIVERED: SinkAnswer = { outcome: 'delivered', status: 200, body: '' };

/**
 * Expansion and delivery as they are composed, on real files, in a process that may die. `raw` is
 * the stores for what comes before and after; that does not count as a step.
 */
export async function openWorld({ folder, calls, answer, life = new Life() }: WorldOptions) {
  const clock = new SettlingClock([STORE_TIMEOUT_MS]);
  const options = { dataDir: folder, clock, log: silentLog, timeoutMs: STORE_TIMEOUT_MS };
  const [store, inboxFile] = await Promise.all([
    openSqliteStore(options),
    openSqliteInbox(options),
  ]);
  const raw = { ...store, inbox: inboxFile.inbox };
  const queue = createMemoryJobQueue({ clock, log: silentLog });
  const fresh = new FreshReceipts();
  const held = new HeldQuota();
  const receipts: Receipt[] = [];
  const parts = {
    ...store,
    inbox: mortalInbox(raw.inbox, life),
    deliveries: mortalDeliveries(store.deliveries, life),
    sinks: mortalSinks(store.sinks, life),
    audit: mortalAudit(store.audit, life),
    cipher: createCipher({ keys: [{ id: 'k', key: '5a'.repeat(32) }] }),
    digest: createDigest(),
    metrics: createMetrics(),
    clock,
    log: silentLog,
    queue,
    fresh,
    held,
    chores: {},
    // What operators are told is written apart, and promised to nobody.
    tell: () => undefined,
    turned: () => undefined,
    forget: () => undefined,
    received: (receipt: Receipt) => void receipts.push(receipt),
  };
  const lanes = createLanes({
    ...parts,
    openSink: () => ({
      deliver: (_event, { deliveryId }) =>
        life.step('sink', async () => {
          calls.push(deliveryId);
          const call = calls.filter((id) => id === deliveryId).length;
          return answer?.(deliveryId, call) ?? DELIVERED;
        }),
    }),
  });
  const judgeHeld = createJudgeHeld({ ...parts, rejections: createRejectionAudit(parts) });
  const expandReceipt = createExpandReceipt({
    ...parts,
    readSinks: () => lanes.refresh(),
    stopping: new AbortController().signal,
  });
  const watch = createWatchSinks({ ...parts, changed: () => undefined });
  const deliver = createDeliver({ ...parts, lanes, watch });
  const sweep: Sweep = createSweep({ ...parts, lanes, deliver, judgeHeld, expandReceipt });

  return {
    raw,
    clock,
    expandReceipt,
    deadLetters: createDeadLetters(parts),

    /** Judges what is held of a subscription, and expands what comes of it. */
    async judgeAndExpand(subscriptionId: string): Promise<void> {
      await judgeHeld([subscriptionId]);
      for (const { id } of receipts) await expandReceipt(id);
    },

    /** Tries what is due at each sink, one after the other. */
    async deliverDue(): Promise<void> {
      for (const { id: lane } of await lanes.refresh()) {
        for (const due of await raw.deliveries.due(lane, clock.now(), 100)) {
          await deliver.deliver({ ...due, kind: 'deliver', lane });
        }
      }
    },

    /** Starts as a process does, and lets a minute pass: time for a lease, a retry and the sweeps. */
    async run(): Promise<void> {
      held.restore(await raw.inbox.heldUsage());
      await lanes.refresh();
      queue.work('expand', {
        handle: ({ id }) => expandReceipt(id).then(() => undefined),
        lane: () => ({ concurrency: 64, waitMs: 0 }),
        drained: () => sweep.receipts(),
      });
      queue.work('deliver', {
        handle: (hint) => deliver.deliver(hint).then(() => undefined),
        lane: (sinkId) => lanes.limit(sinkId),
        drained: (sinkId) => sweep.lane(sinkId),
      });
      await sweep.start();
      await clock.pass(60_000);
    },

    async close(): Promise<void> {
      sweep.stop();
      await Promise.all([store.close(), inboxFile.close()]);
    },
  };
}

/** What stands in the two files. */
export function readFiles(folder: string) {
  return {
    ...query(folder, 'inbox.db', {
      receipts: 'SELECT id FROM receipts ORDER BY id',
      held: 'SELECT id FROM held ORDER BY id',
    }),
    ...query(folder, 'store.db', {
      notifications: 'SELECT id, expanded, data FROM notifications ORDER BY id',
      deliveries: 'SELECT id, state FROM deliveries ORDER BY id',
      successes: `SELECT id FROM attempts JOIN deliveries ON deliveries.seq = delivery_seq
        WHERE outcome = 'delivered' ORDER BY id`,
    }),
  };
}

function query<K extends string>(folder: string, file: string, asked: Record<K, string>) {
  const db = new DatabaseSync(join(folder, file), { readOnly: true });
  try {
    const rows = Object.entries<string>(asked).map(([name, sql]) => [name, db.prepare(sql).all()]);
    return Object.fromEntries(rows) as Record<K, Record<string, unknown>[]>;
  } finally {
    db.close();
  }
}
