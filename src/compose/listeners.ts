import type { RequestListener } from 'node:http';
import { createHttpApp } from '../adapters/http/app.ts';
import { createMetricsApp } from '../adapters/http/metrics-server.ts';
import { createFindCredential } from '../adapters/http/middleware/credential.ts';
import type { Limits } from '../adapters/http/middleware/limit.ts';
import { createLimiters, NO_LIMITERS } from '../adapters/http/middleware/limiters.ts';
import { auditRoutes } from '../adapters/http/routes/audit.ts';
import { circuitBreakerRoutes } from '../adapters/http/routes/circuit-breakers.ts';
import { deadLetterRoutes } from '../adapters/http/routes/dead-letters.ts';
import { graphWebhookRoutes } from '../adapters/http/routes/graph-webhook.ts';
import { handshakeRoutes } from '../adapters/http/routes/handshakes.ts';
import { healthRoutes } from '../adapters/http/routes/health.ts';
import { listenRoutes } from '../adapters/http/routes/listen.ts';
import { notificationRoutes } from '../adapters/http/routes/notifications.ts';
import { replayRoutes } from '../adapters/http/routes/replays.ts';
import { sinkRoutes } from '../adapters/http/routes/sinks.ts';
import { subscriptionRoutes } from '../adapters/http/routes/subscriptions.ts';
import { type ClosePatience, openHttpServer, type HttpListener } from '../adapters/http/server.ts';
import { createTrustedProxies, createAddressRanges } from '../adapters/http/trusted-proxies.ts';
import { createNoteRefusal } from '../app/audit/refusals.ts';
import { createBrowseAudit } from '../app/audit/browse-audit.ts';
import { createDeadLetters } from '../app/delivery/dead-letters.ts';
import { createTestSink } from '../app/delivery/test-sink.ts';
import { createHealth } from '../app/health/health.ts';
import { createBrowseNotifications } from '../app/notifications/browse-notifications.ts';
import { RecentHandshakes } from '../app/notifications/recent-handshakes.ts';
import { createManageSubscriptions } from '../app/subscriptions/manage-subscriptions.ts';
import type { Config } from '../config.ts';
import { AckWindow } from '../domain/notifications/ack-window.ts';
import type { Basics } from './basics.ts';
import type { Core } from './core.ts';
import type { Stores } from './stores.ts';
import { VERSION } from './version.ts';

/** Everything that listens: the API with its routes, and the metrics. */
export async function openListeners(config: Config, basics: Basics, stores: Stores, core: Core) {
  const { clock, metrics } = basics;
  const parts = { ...basics, ...stores, production: config.production };
  const limits = createLimits(config, stores);
  for (const name of config.switchedOff)
    basics.log.warn({}, `${name} is false: only for diagnosis`);
  const proxies = createTrustedProxies({
    ranges: config.trustedProxies,
    header: config.clientAddressHeader,
  });
  const noteRefusal = createNoteRefusal(parts);
  const findCredential = createFindCredential({
    ...basics,
    proxies,
    isAdminAddress: createAddressRanges(config.edge.adminAllowedIps),
    limits,
  });
  const limiters =
    limits === undefined ? NO_LIMITERS : createLimiters({ ...basics, limits, noteRefusal });
  const acks = new AckWindow();
  const handshakes = new RecentHandshakes();
  const stopping = new AbortController();
  let draining = false;
  registerGauges(basics, stores, core, acks);

  const health = createHealth({
    probes: stores.probes(core.gate),
    queueCounts: () => stores.queue.counts(),
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
  const deadLetters = createDeadLetters(parts);
  const app = createHttpApp({
    ...parts,
    edge: { ...config.edge, requestTimeoutMs: config.requestTimeoutMs },
    proxies,
    findCredential,
    noteRefusal,
    limits,
    webhookRouter: graphWebhookRoutes({
      ...core,
      acks,
      handshakes,
      proxies,
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
      sinkRoutes({ sinks: core.manageSinks, secrets: core.secrets, testSink, limiters }),
      replayRoutes(core),
      notificationRoutes({ notifications: createBrowseNotifications(parts) }),
      deadLetterRoutes({ deadLetters }),
      listenRoutes({ listen: core.listen, clock, stopping: stopping.signal }),
      auditRoutes({ audit: createBrowseAudit(parts) }),
      circuitBreakerRoutes(stores),
      handshakeRoutes({ handshakes }),
    ],
  });
  const { securityHeaders } = config.edge;
  const http = await openHttpServer({
    ...basics,
    handler: listenerOf(app),
    securityHeaders,
    ...config.http,
  });
  const metricsListener = await openMetrics();

  function openMetrics(): Promise<HttpListener | undefined> {
    if (config.metrics === undefined) return Promise.resolve(undefined);
    const metricsApp = createMetricsApp({
      ...parts,
      ...config.edge,
      render: () => metrics.render(),
    });
    return openHttpServer({
      ...basics,
      handler: listenerOf(metricsApp),
      securityHeaders,
      ...config.metrics,
    });
  }

  return {
    urls: { url: http.url, metricsUrl: metricsListener?.url },
    async drain(delayMs: number) {
      draining = true;
      if (delayMs === 0) return;
      http.drain();
      await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    },
    close(patience: ClosePatience) {
      stopping.abort();
      return http.close(patience);
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
  metrics.gauge('free_disk_bytes', () => {
    const bytes = core.gate.freeDiskBytes();
    return Number.isFinite(bytes) ? bytes : undefined;
  });
  const { connections } = stores;
  if (connections !== undefined) {
    metrics.gauge('db_connections_active', () => connections().active);
    metrics.gauge('db_connections_idle', () => connections().idle);
  }
  metrics.gauge('heartbeat_timestamp_seconds', () => core.service.lastBeatAt() / 1000);
  metrics.gauge('subscription_expires_in_seconds', async () => {
    const [next] = await stores.subscriptions.ending(
      { from: clock.now(), before: Number.MAX_SAFE_INTEGER },
      1,
    );
    return next && (next.expirationAt - clock.now()) / 1000;
  });
  metrics.gauge('rate_store_degraded', () => (stores.isRateStoreDegraded() ? 1 : 0));
}
