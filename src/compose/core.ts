import { createLogSink } from '../adapters/sinks/log.ts';
import { createSinkFactory } from '../adapters/sinks/sink-factory.ts';
import { createWebhookSinks } from '../adapters/sinks/webhook.ts';
import { createDefaultSink } from '../app/delivery/default-sink.ts';
import { createDeliver } from '../app/delivery/deliver.ts';
import { createListen } from '../app/delivery/listen.ts';
import { createListeners } from '../app/delivery/listeners.ts';
import { createLanes } from '../app/delivery/lanes.ts';
import { createManageSinks } from '../app/delivery/manage-sinks.ts';
import { createReplays } from '../app/delivery/replays.ts';
import { startRetention } from '../app/delivery/retention.ts';
import { createRotateSecrets } from '../app/delivery/rotate-secrets.ts';
import { createSweep, receiptHint, type Sweep } from '../app/delivery/sweep.ts';
import { waitForStore } from '../app/delivery/wait-for-store.ts';
import { createWatchSinks } from '../app/delivery/watch-sinks.ts';
import { createTellOperators } from '../app/operations/tell-operators.ts';
import { createWatchService } from '../app/operations/watch-service.ts';
import type { Vitals } from '../domain/operations/alarms.ts';
import { createAcceptPost } from '../app/notifications/accept-post.ts';
import { createExpandReceipt } from '../app/notifications/expand-receipt.ts';
import { FreshReceipts } from '../app/notifications/fresh-receipts.ts';
import { createIntakeGate } from '../app/notifications/intake-gate.ts';
import { createJudgeHeld } from '../app/notifications/judge-held.ts';
import { createRejectionAudit } from '../app/notifications/rejection-audit.ts';
import { createSubscriptionCache } from '../app/notifications/subscription-cache.ts';
import type { Config } from '../config.ts';
import { expansionLimit } from '../domain/notifications/expansion-pace.ts';
import { HeldQuota } from '../domain/notifications/held-quota.ts';
import { ReceiptCounter, type Receipt } from '../domain/notifications/receipt.ts';
import type { Cancel } from '../ports/clock.ts';
import type { JobKind, Worker } from '../ports/job-queue.ts';
import type { Basics } from './basics.ts';
import type { SinkServers } from './no-sink-servers.ts';
import type { Stores } from './stores.ts';
import { VERSION } from './version.ts';

export type Core = ReturnType<typeof createCore>;

/** Intake and delivery: everything between the listener and the sinks. */
export function createCore(
  config: Config,
  { basics, stores, sinkServers }: { basics: Basics; stores: Stores; sinkServers: SinkServers },
) {
  const { clock, log } = basics;
  const { deliveries, inbox, queue } = stores;
  const parts = { ...basics, ...stores };
  const fresh = new FreshReceipts();
  const stopping = new AbortController();
  const held = new HeldQuota();
  const counter = new ReceiptCounter(basics.digest.randomId().slice(0, 8));
  const webhooks = createWebhookSinks({
    clock,
    allowedAddresses: config.sinkAllowedAddresses,
    allowLoopback: !config.production,
  });
  const logSink = createLogSink({ log });
  const listeners = createListeners({ clock });
  const openSink = createSinkFactory({
    log: logSink,
    webhook: (target) => webhooks.open(target),
    listen: ({ sinkId }) => listeners.sinkOf(sinkId),
    redisStream: sinkServers.redisStream,
    mongoCollection: sinkServers.mongoCollection,
  });
  const tell = createTellOperators({ ...parts, counter });
  const lanes = createLanes({
    ...parts,
    openSink,
    isHere: ({ id, kind }) => kind !== 'listen' || listeners.isConnected(id),
    turned: ({ id, organizationId }, to) =>
      tell({
        type: to === 'failing' ? 'SinkFailing' : 'SinkRecovered',
        subject: `sink/${id}`,
        organizationId,
        data: {},
      }),
  });
  const received = (receipt: Receipt) => {
    fresh.put(receipt);
    queue.hint([receiptHint(receipt.id, clock.now())]);
  };

  const cache = createSubscriptionCache(parts);
  const rejections = createRejectionAudit(parts);
  const gate = createIntakeGate({
    ...parts,
    limits: {
      maxBytesInFlight: config.maxBytesInFlight,
      maxBacklogReceipts: config.maxBacklogReceipts,
      minFreeBytes: config.minFreeDiskBytes,
    },
  });
  const acceptPost = createAcceptPost({
    ...parts,
    subscriptions: cache,
    held,
    counter,
    rejections,
    received,
  });
  const judgeHeld = createJudgeHeld({
    ...parts,
    held,
    rejections,
    forget: cache.forget,
    received,
  });
  const expandReceipt = createExpandReceipt({
    ...parts,
    fresh,
    readSinks: () => lanes.refresh(),
    stopping: stopping.signal,
  });
  const watch = createWatchSinks({ ...parts, tell, changed: () => sweep.lanes() });
  const deliver = createDeliver({ ...parts, lanes, watch });
  const secrets = createRotateSecrets({ ...parts, changed: () => sweep.lanes() });
  const replays = createReplays({ ...parts, openSinks: () => lanes.open() });
  const sweep: Sweep = createSweep({
    ...parts,
    held,
    lanes,
    deliver,
    judgeHeld,
    expandReceipt,
    chores: {
      replays: async () => replays.resume(),
      'secrets that sign no longer': () => secrets.dropEnded(),
      listeners: () => listen.tend(),
    },
  });
  const service = createWatchService({
    ...parts,
    tell,
    vitals: readVitals,
    heartbeatMs: config.heartbeatMs,
    version: VERSION,
  });
  const manageSinks = createManageSinks({
    ...parts,
    production: config.production,
    served: sinkServers.served,
    changed: () => sweep.lanes(),
  });
  const listen = createListen({ ...parts, manageSinks, listeners });
  let stopRetention: Cancel | undefined;

  function readVitals(): Vitals {
    const { receipts, oldestAt } = inbox.backlog();
    return {
      backlogReceipts: receipts,
      maxBacklogReceipts: config.maxBacklogReceipts,
      backlogAgeMs: oldestAt === null ? 0 : clock.now() - oldestAt,
      freeDiskBytes: gate.freeDiskBytes(),
      minFreeDiskBytes: config.minFreeDiskBytes,
    };
  }

  function intakeLoad() {
    const postsInFlight = gate.postsInFlight();
    // Told only when it matters: the oldest receipt has to be looked for.
    const oldestAt = postsInFlight > 0 ? inbox.backlog().oldestAt : null;
    return { postsInFlight, backlogAgeMs: oldestAt === null ? 0 : clock.now() - oldestAt };
  }

  function work(kind: JobKind, worker: Worker): void {
    queue.work(kind, waitForStore(worker, stores.isAway));
  }

  async function start(): Promise<void> {
    held.restore(await inbox.heldUsage());
    await createDefaultSink(parts)();
    if (stores.exclusive) await listen.removeLeftovers();
    await lanes.refresh();
    work('expand', {
      handle: ({ id }) => expandReceipt(id).then(() => undefined),
      lane: () => expansionLimit(intakeLoad()),
      drained: () => sweep.receipts(),
    });
    work('deliver', {
      handle: (hint) => deliver.deliver(hint).then(() => undefined),
      lane: (sinkId) => lanes.limit(sinkId),
      drained: (sinkId) => sweep.lane(sinkId),
    });
    await sweep.start();
    service.start();
    stopRetention = startRetention({
      ...parts,
      limits: {
        notificationsMs: config.retentionMs,
        deadLettersMs: config.deadLetterRetentionMs,
        auditMs: config.auditRetentionMs,
      },
    });
  }

  async function stop(): Promise<void> {
    gate.stop();
    stopping.abort();
    sweep.stop();
    stopRetention?.();
    service.stop();
    deliver.abort();
    await replays.stop();
    await queue.close();
    await listen.settle();
    await webhooks.close();
  }

  return {
    acceptPost,
    cache,
    deliveries,
    gate,
    held,
    judgeHeld,
    listen,
    manageSinks,
    openSink,
    queue,
    replays,
    secrets,
    service,
    start,
    stop,
    sweep,
  };
}
