import { randomBytes } from 'node:crypto';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createMemoryJobQueue } from '../../src/adapters/memory/job-queue.ts';
import { openSqliteInbox } from '../../src/adapters/sqlite/inbox.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createDeliver } from '../../src/app/delivery/deliver.ts';
import { createLanes } from '../../src/app/delivery/lanes.ts';
import { createSweep, LANE_HINTS, type Sweep } from '../../src/app/delivery/sweep.ts';
import { createWatchSinks } from '../../src/app/delivery/watch-sinks.ts';
import type { OperationsEvent } from '../../src/domain/operations/operations-event.ts';
import type { Sink } from '../../src/domain/delivery/sink.ts';
import { HeldQuota } from '../../src/domain/notifications/held-quota.ts';
import type { JobQueue } from '../../src/ports/job-queue.ts';
import type { SinkAnswer, SinkTarget, SinkTry } from '../../src/ports/notification-sink.ts';
import { aDelivery, aNotification, aSink } from '../support/builders.ts';
import { temporaryFolder } from '../support/folder.ts';
import { SettlingClock } from '../support/settling-clock.ts';
import { silentLog } from '../support/silent-log.ts';

const STORE_TIMEOUT_MS = 59_000;
const INSERT_AT_ONCE = 1000;

export const DELIVERED: SinkAnswer = { outcome: 'delivered', status: 200, body: '' };
export const FAILED = failed('http-503', 503);
export const REFUSED: SinkAnswer = {
  outcome: 'dead',
  reason: 'http-400',
  gone: false,
  status: 400,
  body: '',
};
export const GONE: SinkAnswer = {
  outcome: 'dead',
  reason: 'http-410',
  gone: true,
  status: 410,
  body: '',
};

export function failed(
  reason: string,
  status: number | null,
  retryAfterMs: number | null = null,
): SinkAnswer {
  return { outcome: 'retry', reason, status, retryAfterMs, body: '' };
}

/** One try, as a destination saw it. */
export interface SeenTry extends SinkTry {
  readonly url: string;
}

type Script = (seen: SeenTry) => SinkAnswer | Promise<SinkAnswer>;

/** Destinations that answer what they are told; one that hangs ends when it is aborted. */
export class Destinations {
  readonly tries: SeenTry[] = [];
  /** The most tries that were under way at once, by address. */
  readonly most = new Map<string, number>();
  readonly #underWay = new Map<string, number>();
  #script: Script = () => DELIVERED;

  answer(script: Script): void {
    this.#script = script;
  }

  at(url: string): readonly SeenTry[] {
    return this.tries.filter((one) => one.url === url);
  }

  async deliver(url: string, attempt: SinkTry): Promise<SinkAnswer> {
    const seen = { ...attempt, url };
    this.tries.push(seen);
    this.#count(url, 1);
    const { promise: aborted, resolve } = Promise.withResolvers<SinkAnswer>();
    attempt.signal.addEventListener('abort', () => resolve({ outcome: 'aborted' }));
    const answer = await Promise.race([this.#script(seen), aborted]);
    this.#count(url, -1);
    return answer;
  }

  #count(url: string, by: number): void {
    const now = (this.#underWay.get(url) ?? 0) + by;
    this.#underWay.set(url, now);
    this.most.set(url, Math.max(this.most.get(url) ?? 0, now));
  }
}

function addressOf(target: SinkTarget): string {
  switch (target.kind) {
    case 'webhook':
      return target.url;
    case 'redis-stream':
      return target.stream;
    case 'mongo-collection':
      return target.collection;
    default:
      return target.kind;
  }
}

export type DeliveryParts = Awaited<ReturnType<typeof openDeliveryParts>>;

/** Delivery as it is composed, on the embedded adapters, with destinations that are scripted. */
export async function openDeliveryParts() {
  const clock = new SettlingClock([STORE_TIMEOUT_MS]);
  const folder = temporaryFolder();
  const log = silentLog;
  const options = { dataDir: folder.path, clock, log, timeoutMs: STORE_TIMEOUT_MS };
  const [store, inbox] = await Promise.all([openSqliteStore(options), openSqliteInbox(options)]);
  const cipher = createCipher({ keys: [{ id: 'k1', key: randomBytes(32).toString('hex') }] });
  const metrics = createMetrics();
  let queueIsAway = false;
  const queue: JobQueue = {
    ...createMemoryJobQueue({ clock, log, maxPerLane: LANE_HINTS }),
    isWorking: () => !queueIsAway,
  };
  const destinations = new Destinations();
  const basics = { ...store, inbox: inbox.inbox, cipher, clock, log, metrics, queue };
  const turns: string[] = [];
  const lanes = createLanes({
    ...basics,
    openSink: (target) => ({
      deliver: (_event, attempt) => destinations.deliver(addressOf(target), attempt),
    }),
    turned: (_sink, to) => void turns.push(to),
  });
  const told: OperationsEvent[] = [];
  const watch = createWatchSinks({
    ...basics,
    tell: (event) => void told.push(event),
    changed: () => sweep.lanes(),
  });
  const deliver = createDeliver({ ...basics, lanes, watch });
  const held = new HeldQuota();
  const expanded: string[] = [];
  const judged: string[] = [];
  const sweep: Sweep = createSweep({
    ...basics,
    lanes,
    deliver,
    held,
    judgeHeld: async (ids) => void judged.push(...ids),
    async expandReceipt(id) {
      expanded.push(id);
      inbox.inbox.settle(id);
    },
    chores: {},
  });
  queue.work('deliver', {
    async handle(hint) {
      await deliver.deliver(hint);
      return undefined;
    },
    lane: (sinkId) => lanes.limit(sinkId),
    drained: (sinkId) => sweep.lane(sinkId),
  });

  async function addDue(sinkId: string, count: number): Promise<readonly string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const rows = Array.from({ length: Math.min(INSERT_AT_ONCE, count - ids.length) }, () =>
        aNotification({ sinkIds: [sinkId], receivedAt: clock.now() }),
      );
      const due = rows.map((row) => aDelivery(row, { sinkId, dueAt: clock.now() }));
      await store.deliveries.insertNotifications(rows);
      await store.deliveries.insertDeliveries(due);
      ids.push(...due.map(({ id }) => id));
    }
    return ids;
  }

  async function stop(): Promise<void> {
    sweep.stop();
    deliver.abort();
    await queue.close();
  }

  return {
    ...basics,
    clock,
    destinations,
    lanes,
    deliver,
    sweep,
    watch,
    addDue,
    stop,
    /** What operators were told of sinks that began to fail, or answer again. */
    turns,
    /** Receipts that were expanded without the queue. */
    expanded,
    /** Subscriptions whose held items were judged again. */
    judged,
    /** From now on what is hinted reaches nobody; or it does again. */
    setQueueAway(away: boolean) {
      queueIsAway = away;
    },

    /** A webhook at `http://<name>`, so that its tries are told apart. */
    async addSink(name: string, changes: Partial<Sink> = {}): Promise<Sink> {
      const sink = aSink({ name, kind: 'webhook', url: `http://${name}`, ...changes });
      await store.sinks.insert(sink);
      return sink;
    },

    /** One delivery with its attempts. */
    async read(deliveryId: string) {
      const [notificationId = ''] = deliveryId.split('_');
      const found = await store.deliveries.deliveriesOf(notificationId);
      const delivery = found.find(({ id }) => id === deliveryId);
      if (delivery === undefined) throw new Error('there is no such delivery');
      return delivery;
    },

    async close(): Promise<void> {
      await stop();
      await Promise.all([store.close(), inbox.close()]);
      folder.remove();
    },
  };
}
