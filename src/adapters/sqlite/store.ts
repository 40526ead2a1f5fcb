import { join } from 'node:path';
import { z } from 'zod';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';
import type { Log } from '../../ports/log.ts';
import type { ReplayRepository } from '../../ports/replay-repository.ts';
import type { SealedValues } from '../../ports/sealed-values.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import { createSqliteAuditTrail } from './audit-trail.ts';
import { createSqliteDeliveryStore } from './delivery-store.ts';
import { createThreadProbe } from './probe.ts';
import { createSqliteReplayRepository } from './replay-repository.ts';
import { createSqliteSealedValues } from './sealed-values.ts';
import { createSqliteSinkRepository } from './sink-repository.ts';
import type { StoreThreads } from './store-call.ts';
import { createSqliteSubscriptionRepository } from './subscription-repository.ts';
import { openThread } from './thread-client.ts';

export interface SqliteStore {
  readonly deliveries: DeliveryStore;
  readonly subscriptions: SubscriptionRepository;
  readonly sinks: SinkRepository;
  readonly replays: ReplayRepository;
  readonly audit: AuditTrail;
  readonly sealed: SealedValues;
  readonly probe: HealthProbe;
  /**
   * Gives back every claim, due now, no try counted; gives how many. Only before the first claim of
   * this process, and only under the folder's lock, which proves that their holder is dead.
   */
  releaseClaims(): Promise<number>;
  /** Whether one of its threads is at a batch. */
  isBusy(): boolean;
  /** Writes what waits, then ends the threads. */
  close(): Promise<void>;
}

const ENTRY = new URL('./store-thread.ts', import.meta.url);

/** Opens `store.db` with a thread that writes and one that only reads. */
export async function openSqliteStore(options: {
  dataDir: string;
  clock: Clock;
  log: Log;
  timeoutMs: number;
}): Promise<SqliteStore> {
  const { clock, log } = options;
  const thread = { ...options, file: join(options.dataDir, 'store.db'), entry: ENTRY };
  // One after the other: the reader finds the schema that the writer has made.
  const writer = await openThread({ ...thread, readOnly: false });
  const reader = await openThread({ ...thread, readOnly: true }).catch(async (error: unknown) => {
    await writer.close();
    throw error;
  });
  const threads: StoreThreads = {
    write: (name, argument) => writer.call(name, argument),
    read: (name, argument) => reader.call(name, argument),
    clock,
  };
  const audit = createSqliteAuditTrail({ ...threads, log });

  return {
    deliveries: createSqliteDeliveryStore(threads),
    subscriptions: createSqliteSubscriptionRepository(threads),
    sinks: createSqliteSinkRepository(threads),
    replays: createSqliteReplayRepository(threads),
    audit,
    sealed: createSqliteSealedValues(() => threads.read('neededKeys', null)),
    probe: createThreadProbe('store', [writer, reader], clock),

    isBusy: () => writer.isBusy() || reader.isBusy(),

    async releaseClaims() {
      return z.int().parse(await threads.write('releaseClaims', clock.now()));
    },

    async close() {
      await audit.flush();
      await reader.close();
      // The last to leave folds the log into the file, which a reader cannot.
      await writer.close();
    },
  };
}
