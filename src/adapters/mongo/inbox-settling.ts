import type { Cancel, Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

export interface Settling {
  /** Settled, and not known to be removed yet. */
  readonly ids: ReadonlySet<string>;
  add(id: string): void;
  /** Tries once more to remove what there is, and stops. */
  close(): Promise<void>;
}

const WITHIN_MS = 100;
const AGAIN_MS = 1000;
// A receipt id has up to some hundred bytes; a command takes 16 MiB.
const AT_ONCE = 5000;

/** Gathers what is settled, so that one command removes it; one at a time. */
export function createSettling(deps: {
  remove: (ids: readonly string[]) => Promise<unknown>;
  clock: Clock;
  log: Log;
}): Settling {
  const { clock, log } = deps;
  const ids = new Set<string>();
  let cancelTimer: Cancel | undefined;
  let due = false;
  let removing: Promise<void> | undefined;

  function setTimer(ms: number): void {
    cancelTimer?.();
    cancelTimer = clock.after(ms, flush);
  }

  function flush(): void {
    cancelTimer = undefined;
    due = true;
    removing ??= removeDue().finally(() => {
      removing = undefined;
    });
  }

  async function removeDue(): Promise<void> {
    while (due && ids.size > 0) {
      const batch = [...ids].slice(0, AT_ONCE);
      due = batch.length < ids.size;
      try {
        await deps.remove(batch);
      } catch (err) {
        log.warn({ err, receipts: ids.size }, 'settled receipts are not removed yet');
        due = false;
        setTimer(AGAIN_MS);
        return;
      }
      for (const id of batch) ids.delete(id);
    }
  }

  return {
    ids,

    add(id) {
      ids.add(id);
      if (cancelTimer === undefined) setTimer(WITHIN_MS);
    },

    async close() {
      cancelTimer?.();
      flush();
      await removing;
      cancelTimer?.();
    },
  };
}
