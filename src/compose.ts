import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createCipher } from './adapters/crypto/cipher.ts';
import { createDigest } from './adapters/crypto/digest.ts';
import { createHttpApp } from './adapters/http/app.ts';
import { createMetricsApp } from './adapters/http/metrics-server.ts';
import { createFindCredential } from './adapters/http/middleware/credential.ts';
import type { Limits } from './adapters/http/middleware/limit.ts';
import { createOperatorCheck } from './adapters/http/middleware/operator-key.ts';
import { auditRoutes } from './adapters/http/routes/audit.ts';
import { deadLetterRoutes } from './adapters/http/routes/dead-letters.ts';
import { graphWebhookRoutes } from './adapters/http/routes/graph-webhook.ts';
import { healthRoutes } from './adapters/http/routes/health.ts';
import { listenRoutes } from './adapters/http/routes/listen.ts';
import { notificationRoutes } from './adapters/http/routes/notifications.ts';
import { replayRoutes } from './adapters/http/routes/replays.ts';
import { sinkRoutes } from './adapters/http/routes/sinks.ts';
import { subscriptionRoutes } from './adapters/http/routes/subscriptions.ts';
import { openHttpServer, type HttpListener } from './adapters/http/server.ts';
import { createTrustedProxies } from './adapters/http/trusted-proxies.ts';
import { createMemoryJobQueue } from './adapters/memory/job-queue.ts';
import { createMemoryRateStore } from './adapters/memory/rate-store.ts';
import { createLogSink } from './adapters/sinks/log.ts';
import { createWebhookSinks } from './adapters/sinks/webhook.ts';
import { lockDataFolder } from './adapters/sqlite/data-folder.ts';
import { createDiskSpace } from './adapters/sqlite/disk-space.ts';
import { openSqliteInbox } from './adapters/sqlite/inbox.ts';
import { openSqliteStore } from './adapters/sqlite/store.ts';
import { createMetrics } from './adapters/telemetry/metrics.ts';
import { createBrowseAudit } from './app/audit/browse-audit.ts';
import { createDeadLetters } from './app/delivery/dead-letters.ts';
import { createDefaultSink } from './app/delivery/default-sink.ts';
import { createDeliver } from './app/delivery/deliver.ts';
import { createListen } from './app/delivery/listen.ts';
import { createListeners } from './app/delivery/listeners.ts';
import { createLanes } from './app/delivery/lanes.ts';
import { createManageSinks } from './app/delivery/manage-sinks.ts';
import { createReplays } from './app/delivery/replays.ts';
import { startRetention } from './app/delivery/retention.ts';
import { createRotateSecrets } from './app/delivery/rotate-secrets.ts';
import { createSweep, LANE_HINTS, receiptHint, type Sweep } from './app/delivery/sweep.ts';
import { createTestSink } from './app/delivery/test-sink.ts';
import { createWatchSinks } from './app/delivery/watch-sinks.ts';
import { createTellOperators } from './app/operations/tell-operators.ts';
import { createWatchService } from './app/operations/watch-service.ts';
import type { Vitals } from './domain/operations/alarms.ts';
import { createDiskProbe } from './app/health/disk-probe.ts';
import { createHealth } from './app/health/health.ts';
import { createAcceptPost } from './app/notifications/accept-post.ts';
import { createBrowseNotifications } from './app/notifications/browse-notifications.ts';
import { createExpandReceipt } from './app/notifications/expand-receipt.ts';
import { FreshReceipts } from './app/notifications/fresh-receipts.ts';
import { createIntakeGate } from './app/notifications/intake-gate.ts';
import { createJudgeHeld } from './app/notifications/judge-held.ts';
import { createRejectionAudit } from './app/notifications/rejection-audit.ts';
import { createSubscriptionCache } from './app/notifications/subscription-cache.ts';
import { createManageSubscriptions } from './app/subscriptions/manage-subscriptions.ts';
import type { Config } from './config.ts';
import { expansionLimit } from './domain/notifications/expansion-pace.ts';
import { AckWindow } from './domain/notifications/ack-window.ts';
import { HeldQuota } from './domain/notifications/held-quota.ts';
import { ReceiptCounter, type Receipt } from './domain/notifications/receipt.ts';
import { bareEncryptionKey } from './configured-secrets.ts';
import { loadOrGenerateSecrets } from './generated-secrets.ts';
import type { Cancel, Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { SinkFactory } from './ports/notification-sink.ts';

/** What surrounds the service and is not configuration. */
export interface Ambient {
  readonly clock: Clock;
  readonly log: Log;
}

/** A service that runs. */
export interface Service {
  readonly url: string;
  readonly metricsUrl: string | undefined;
  /** Where the operator's key stands when it was generated. */
  readonly operatorKeyFile: string | undefined;
  /** Whether a thread is at its disk: should that hang, the process cannot even exit by itself. */
  isBusy(): boolean;
  /** Stops as design §8 says: drains for `drainDelayMs`, answers what is in flight, closes. */
  stop(options: { drainDelayMs: number }): Promise<void>;
}

const VERSION = readVersion();

type Stores = Awaited<ReturnType<typeof openEmbeddedStores>>;
type Basics = Awaited<ReturnType<typeof createBasics>>;
type Core = ReturnType<typeof createCore>;

// About 10 MB when a flood of addresses fills it.
const RATE_KEYS_PER_POLICY = 50_000;

/** Chooses every adapter and joins it to the use cases: the one file that knows both sides. */
export async function compose(config: Config, ambient: Ambient): Promise<Service> {
  const stores = await openEmbeddedStores(config, ambient);
  try {
    const basics = await createBasics(config, ambient, stores);
    const core = createCore(config, basics, stores);
    const listeners = await startAll(config, basics, stores, core);
    return {
      ...listeners.urls,
      operatorKeyFile:
        config.operatorApiKey === undefined
          ? `${config.dataDir}/secrets/operator-api-key`
          : undefined,
      isBusy: () => stores.isBusy(),
      async stop({ drainDelayMs }) {
        await listeners.drain(drainDelayMs);
        await listeners.close();
        await core.stop();
        await listeners.closeMetrics();
        await stores.close();
      },
    };
  } catch (error) {
    await stores.close();
    throw error;
  }
}

/** Workers first, so that nothing is accepted that nobody would go on with. */
async function startAll(config: Config, basics: Basics, stores: Stores, core: Core) {
  await core.start();
  try {
    return await openListeners(config, basics, stores, core);
  } catch (error) {
    await core.stop();
    throw error;
  }
}

async function openEmbeddedStores(config: Config, { clock, log }: Ambient) {
  const folder = lockDataFolder(config.dataDir);
  try {
    const options = { dataDir: folder.path, clock, log, timeoutMs: config.storeTimeoutMs };
    const [store, inbox] = await Promise.all([openSqliteStore(options), openSqliteInbox(options)]);
    // The lock proves that whoever held a claim is gone: no lease has to be waited for.
    await store.releaseClaims();
    return {
      ...store,
      inbox: inbox.inbox,
      isBusy: () => store.isBusy() || inbox.isBusy(),
      probes: [store.probe, inbox.probe],
      disk: createDiskSpace(folder.path),
      rates: createMemoryRateStore({ clock, maxKeysPerPolicy: RATE_KEYS_PER_POLICY }),
      async close() {
        await Promise.all([store.close(), inbox.close()]);
        folder.release();
      },
    };
  } catch (error) {
    folder.release();
    throw error;
  }
}

async function createBasics(config: Config, ambient: Ambient, stores: Stores) {
  const missing = [
    ...(config.encryptionKeys === undefined ? (['encryption-key'] as const) : []),
    ...(config.operatorApiKey === undefined ? (['operator-api-key'] as const) : []),
  ];
  const generated = await loadOrGenerateSecrets(config.dataDir, missing);
  const generatedKey = generated.get('encryption-key');
  const keys = config.encryptionKeys ?? (generatedKey ? [bareEncryptionKey(generatedKey)] : []);
  const operatorKey = config.operatorApiKey ?? generated.get('operator-api-key');
  if (operatorKey === undefined) throw new Error('no operator key');

  const digest = createDigest();
  const metrics = createMetrics();
  const cipher = createCipher({ keys: keys.map(({ id, key }) => ({ id, key: key.reveal() })) });
  const isOperator = createOperatorCheck({
    digest,
    keyDigest: digest.sha256(operatorKey.reveal()),
  });
  const { audit } = stores;
  return { ...ambient, audit, cipher, digest, metrics, isOperator };
}

/** Intake and delivery: everything between the listener and the sinks. */
function createCore(config: Config, basics: Basics, stores: Stores) {
  const { clock, log } = basics;
  const { deliveries, inbox } = stores;
  const parts = { ...basics, ...stores };
  const queue = createMemoryJobQueue({ clock, log, maxPerLane: LANE_HINTS });
  const fresh = new FreshReceipts();
  const held = new HeldQuota();
  const counter = new ReceiptCounter(basics.digest.randomId().slice(0, 8));
  const webhooks = createWebhookSinks({
    clock,
    allowedAddresses: config.sinkAllowedAddresses,
    allowLoopback: !config.production,
  });
  const logSink = createLogSink({ log });
  const listeners = createListeners({ clock });
  const openSink: SinkFactory = (target) => {
    if (target.kind === 'log') return logSink;
    return target.kind === 'listen' ? listeners.sinkOf(target.sinkId) : webhooks.open(target);
  };
  const tell = createTellOperators({ ...parts, queue, counter });
  const lanes = createLanes({
    ...parts,
    openSink,
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
  const judgeHeld = createJudgeHeld({ ...parts, held, rejections, received });
  const expandReceipt = createExpandReceipt({
    ...parts,
    fresh,
    queue,
    readSinks: () => lanes.refresh(),
  });
  const watch = createWatchSinks({ ...parts, tell, changed: () => sweep.lanes() });
  const deliver = createDeliver({ ...parts, lanes, watch, queue });
  const secrets = createRotateSecrets({ ...parts, changed: () => sweep.lanes() });
  const replays = createReplays({ ...parts, openSinks: () => lanes.open(), queue });
  const sweep: Sweep = createSweep({
    ...parts,
    held,
    lanes,
    queue,
    deliver,
    judgeHeld,
    chores: {
      replays: async () => replays.resume(),
      'secrets that sign no longer': () => secrets.dropEnded(),
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

  async function start(): Promise<void> {
    held.restore(await inbox.heldUsage());
    await createDefaultSink(parts)();
    await listen.removeLeftovers();
    await lanes.refresh();
    queue.work('expand', {
      handle: ({ id }) => expandReceipt(id).then(() => undefined),
      lane: () => expansionLimit(intakeLoad()),
      drained: () => sweep.receipts(),
    });
    queue.work('deliver', {
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

async function openListeners(config: Config, basics: Basics, stores: Stores, core: Core) {
  const { clock, metrics } = basics;
  const parts = { ...basics, ...stores, production: config.production };
  const limits = createLimits(config, stores);
  if (limits === undefined) basics.log.warn({}, 'RATE_LIMIT_ENABLED is false: nothing is limited');
  const proxies = createTrustedProxies({
    ranges: config.trustedProxies,
    header: config.clientAddressHeader,
  });
  const findCredential = createFindCredential({ ...basics, proxies, limits });
  const acks = new AckWindow();
  const stopping = new AbortController();
  let draining = false;
  registerGauges(basics, stores, core, acks);

  const health = createHealth({
    probes: [...stores.probes, createDiskProbe(core.gate, config.minFreeDiskBytes)],
    queueCounts: () => core.queue.counts(),
    clock,
    version: VERSION,
    draining: () => draining,
  });
  const manageSubscriptions = createManageSubscriptions({
    ...parts,
    async changed(id) {
      core.cache.forget(id);
      // The import stands, whatever becomes of this: the sweep judges again.
      await core
        .judgeHeld([id])
        .catch((err: unknown) => basics.log.warn({ err }, 'held items wait'));
    },
  });
  const testSink = createTestSink({
    ...parts,
    openSink: core.openSink,
    stopping: stopping.signal,
  });
  const deadLetters = createDeadLetters({ ...parts, queue: core.queue });
  const app = createHttpApp({
    ...parts,
    proxies,
    findCredential,
    limits,
    webhookRouter: graphWebhookRoutes({
      ...core,
      acks,
      clock,
      metrics,
      ackTimeoutMs: config.ackTimeoutMs,
    }),
    healthRouter: healthRoutes({
      health,
      clock,
      seesDetails: async (ctx) =>
        config.healthDetails === 'everyone' || (await findCredential(ctx)).kind === 'valid',
    }),
    apiRouters: [
      subscriptionRoutes({ subscriptions: manageSubscriptions }),
      sinkRoutes({ sinks: core.manageSinks, secrets: core.secrets, testSink }),
      replayRoutes(core),
      notificationRoutes({ notifications: createBrowseNotifications(parts) }),
      deadLetterRoutes({ deadLetters }),
      listenRoutes({ listen: core.listen, clock, stopping: stopping.signal }),
      auditRoutes({ audit: createBrowseAudit(parts) }),
    ],
  });
  const http = await openHttpServer({ ...basics, handler: listenerOf(app), ...config.http });
  const metricsListener = await openMetrics();

  function openMetrics(): Promise<HttpListener | undefined> {
    if (config.metrics === undefined) return Promise.resolve(undefined);
    const metricsApp = createMetricsApp({ ...parts, render: () => metrics.render() });
    return openHttpServer({ ...basics, handler: listenerOf(metricsApp), ...config.metrics });
  }

  return {
    urls: { url: http.url, metricsUrl: metricsListener?.url },
    async drain(delayMs: number) {
      draining = true;
      http.drain();
      if (delayMs > 0) await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    },
    close() {
      stopping.abort();
      return http.close();
    },
    closeMetrics: async () => metricsListener?.close(),
  };
}

function listenerOf(app: ReturnType<typeof createHttpApp>): RequestListener {
  const handle = app.callback();
  // Koa answers whatever happens, and tells of failures by its `error` event.
  return (req, res) => void handle(req, res);
}

function createLimits(config: Config, { rates }: Stores): Limits | undefined {
  const { rateLimits: policies, instances } = config;
  return policies === undefined ? undefined : { store: rates, policies, instances };
}

function registerGauges(basics: Basics, stores: Stores, core: Core, acks: AckWindow): void {
  const { clock, metrics } = basics;
  const { inbox, deliveries } = stores;
  metrics.gauge('graph_ack_slow_ratio', () => acks.ratios(clock.now()).slow);
  metrics.gauge('graph_ack_drop_ratio', () => acks.ratios(clock.now()).drop);
  metrics.gauge('inbox_backlog_receipts', () => inbox.backlog().receipts);
  metrics.gauge('inbox_backlog_age_seconds', () => {
    const { oldestAt } = inbox.backlog();
    return oldestAt === null ? 0 : Math.max(0, clock.now() - oldestAt) / 1000;
  });
  metrics.gauge('dead_letters', () => deliveries.countDead());
  metrics.gauge('held_items', () => core.held.items);
  metrics.gauge('free_disk_bytes', () => core.gate.freeDiskBytes());
  metrics.gauge('heartbeat_timestamp_seconds', () => core.service.lastBeatAt() / 1000);
  metrics.gauge('subscription_expires_in_seconds', async () => {
    const [next] = await stores.subscriptions.ending(
      { from: clock.now(), before: Number.MAX_SAFE_INTEGER },
      1,
    );
    return next && (next.expirationAt - clock.now()) / 1000;
  });
  metrics.gauge('rate_store_degraded', () => 0); // this process is all there is
}

function readVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
