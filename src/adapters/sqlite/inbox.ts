import { join } from 'node:path';
import type { HeldItem, Receipt } from '../../domain/notifications/receipt.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';
import type { Inbox, Unsettled } from '../../ports/inbox.ts';
import type { Log } from '../../ports/log.ts';
import type { SealedValues } from '../../ports/sealed-values.ts';
import { toHeldItem, toHeldRow, toReceipt, toReceiptRow, Rows } from './inbox-rows.ts';
import { createThreadProbe } from './probe.ts';
import { createSqliteSealedValues } from './sealed-values.ts';
import { openThread, type SqliteThread } from './thread-client.ts';

export interface SqliteInbox {
  readonly inbox: Inbox;
  readonly sealed: SealedValues;
  readonly probe: HealthProbe;
  /** Whether one of its threads is at a batch. */
  isBusy(): boolean;
  close(): Promise<void>;
}

const ENTRY = new URL('./inbox-thread.ts', import.meta.url);
const SETTLE_WITHIN_MS = 100;
const SETTLE_AGAIN_MS = 1000;

/** Opens `inbox.db` with a thread that writes and one that only reads. */
export async function openSqliteInbox(options: {
  dataDir: string;
  clock: Clock;
  log: Log;
  timeoutMs: number;
}): Promise<SqliteInbox> {
  const thread = { ...options, file: join(options.dataDir, 'inbox.db'), entry: ENTRY };
  const writer = await openThread({ ...thread, readOnly: false });
  const reader = await openThread({ ...thread, readOnly: true }).catch(async (error: unknown) => {
    await writer.close();
    throw error;
  });
  const backlog = await readBacklog(reader);
  const settling = createSettling({ writer, backlog, clock: options.clock, log: options.log });

  const inbox: Inbox = {
    async append({ receipt, held = [], release = [] }, deadline, isHeld) {
      settling.flush();
      const argument = {
        receipt: receipt === undefined ? null : toReceiptRow(receipt),
        held: held.map(toHeldRow),
        release,
      };
      // Counted when it is durable, which may be after its caller has gone.
      const durable = () => {
        if (receipt !== undefined) backlog.set(receipt.id, receipt.receivedAt);
        if (held.length > 0) isHeld?.();
      };
      await writer.call('append', argument, { deadline, durable });
    },

    async unsettled({ after = '', limit }) {
      const found: Unsettled[] = [];
      for (let last = after; found.length < limit;) {
        const rows = Rows.unsettled(await reader.call('unsettled', { after: last, limit }));
        found.push(...rows.filter(({ id }) => !settling.has(id)));
        if (rows.length < limit) break;
        last = rows.at(-1)?.id ?? '';
      }
      return found.slice(0, limit);
    },

    async read(id): Promise<Receipt | undefined> {
      if (settling.has(id)) return undefined;
      const row = await reader.call('read', id);
      return row === undefined ? undefined : toReceipt(row);
    },

    settle: settling.add,

    backlog() {
      return {
        receipts: backlog.size,
        // Only when somebody asks: a map steps over what was deleted before its first entry.
        get oldestAt() {
          const [oldestAt = null] = backlog.values();
          return oldestAt;
        },
      };
    },

    async heldSubscriptions() {
      return Rows.subscriptionIds(await reader.call('heldSubscriptions', null));
    },

    async heldOf(subscriptionId): Promise<HeldItem[]> {
      return Rows.list(await reader.call('heldOf', subscriptionId)).map(toHeldItem);
    },

    async heldUsage() {
      return Rows.heldUsage(await reader.call('heldUsage', null));
    },

    async purgeHeld(before) {
      return Number(await writer.call('purgeHeld', before));
    },
  };

  return {
    inbox,
    sealed: createSqliteSealedValues(() => reader.call('neededKeys', null)),
    isBusy: () => writer.isBusy() || reader.isBusy(),
    probe: createThreadProbe('inbox', [writer], options.clock),
    async close() {
      settling.flush();
      await reader.close();
      // The last to leave folds the log into the file, which a reader cannot.
      await writer.close();
    },
  };
}

/** Receipts that are not settled and when they came, in the order they became durable. */
async function readBacklog(reader: SqliteThread): Promise<Map<string, number>> {
  const backlog = new Map<string, number>();
  const limit = 10_000;
  for (let after = ''; ;) {
    const rows = Rows.unsettled(await reader.call('unsettled', { after, limit }));
    for (const { id, receivedAt } of rows) backlog.set(id, receivedAt);
    after = rows.at(-1)?.id ?? '';
    if (rows.length < limit) return backlog;
  }
}

/** Gathers what is settled, so that its removal rides in a commit that is made anyway. */
function createSettling(deps: {
  writer: SqliteThread;
  backlog: Map<string, number>;
  clock: Clock;
  log: Log;
}) {
  const waiting = new Set<string>();
  const underWay = new Set<string>();
  let timed = false;
  let failing = false;

  function flush(): void {
    if (waiting.size === 0 || failing) return;
    const ids = [...waiting];
    waiting.clear();
    for (const id of ids) underWay.add(id);
    deps.writer.call('settle', ids).then(
      () => {
        for (const id of ids) underWay.delete(id);
      },
      (err: unknown) => {
        deps.log.warn({ err, receipts: ids.length }, 'settled receipts are not removed yet');
        for (const id of ids) {
          underWay.delete(id);
          waiting.add(id);
        }
        // Not with each append: those fail too, and there may be thousands of them.
        failing = true;
        deps.clock.after(SETTLE_AGAIN_MS, () => {
          failing = false;
          flush();
        });
      },
    );
  }

  function add(id: string): void {
    deps.backlog.delete(id);
    waiting.add(id);
    if (timed) return;
    timed = true;
    deps.clock.after(SETTLE_WITHIN_MS, () => {
      timed = false;
      flush();
    });
  }

  return { add, flush, has: (id: string) => waiting.has(id) || underWay.has(id) };
}
