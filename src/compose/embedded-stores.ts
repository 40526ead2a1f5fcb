import { createMemoryJobQueue } from '../adapters/memory/job-queue.ts';
import { createMemoryRateStore } from '../adapters/memory/rate-store.ts';
import { lockDataFolder } from '../adapters/sqlite/data-folder.ts';
import { createDiskSpace } from '../adapters/sqlite/disk-space.ts';
import { openSqliteInbox } from '../adapters/sqlite/inbox.ts';
import { joinSealedValues } from '../adapters/sqlite/sealed-values.ts';
import { openSqliteStore } from '../adapters/sqlite/store.ts';
import { LANE_HINTS } from '../app/delivery/sweep.ts';
import { createDiskProbe } from '../app/health/disk-probe.ts';
import type { Config } from '../config.ts';
import type { CircuitBreakers } from '../ports/circuit-breakers.ts';
import type { Ambient } from './basics.ts';
import { guardStores } from './guarded-stores.ts';
import { RATE_KEYS_PER_POLICY, type Stores } from './stores.ts';

/** Everything in one folder, which no other process may have open. */
export async function openEmbeddedStores(
  config: Config,
  { clock, log, breakers }: Ambient & { readonly breakers: CircuitBreakers },
): Promise<Stores> {
  const opened = new AsyncDisposableStack();
  const folder = lockDataFolder(config.dataDir);
  opened.defer(() => folder.release());
  const options = { dataDir: folder.path, clock, log, timeoutMs: config.storeTimeoutMs };
  const closing = <T extends { close(): Promise<void> }>(store: T): T => {
    opened.defer(() => store.close());
    return store;
  };
  const opening = [
    openSqliteStore(options).then(closing),
    openSqliteInbox(options).then(closing),
  ] as const;
  try {
    const [store, inbox] = await Promise.all(opening);
    // The lock proves that whoever held a claim is gone: no lease has to be waited for.
    await store.releaseClaims();
    const guarded = guardStores(
      { ...store, inbox: inbox.inbox },
      { name: 'store', probe: store.probe, config, breakers, clock },
    );
    return {
      ...guarded,
      exclusive: true,
      breakers,
      sealed: joinSealedValues([store.sealed, inbox.sealed]),
      queue: createMemoryJobQueue({ clock, log, maxPerLane: LANE_HINTS }),
      rates: createMemoryRateStore({ clock, maxKeysPerPolicy: RATE_KEYS_PER_POLICY }),
      isRateStoreDegraded: () => false, // this process is all there is
      disk: createDiskSpace(folder.path),
      probes: (gate) => [store.probe, inbox.probe, createDiskProbe(gate, config.minFreeDiskBytes)],
      isBusy: () => store.isBusy() || inbox.isBusy(),
      close: () => opened.disposeAsync(),
    };
  } catch (error) {
    await Promise.allSettled(opening);
    await opened.disposeAsync();
    throw error;
  }
}
