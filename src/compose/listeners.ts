import type { RequestListener } from 'node:http';
import { createHttpApp } from '../adapters/http/app.ts';
import { createMetricsApp } from '../adapters/http/metrics-server.ts';
import { showsGoodKey } from '../adapters/http/middleware/credential.ts';
import { graphWebhookRoutes } from '../adapters/http/routes/graph-webhook.ts';
import { healthRoutes } from '../adapters/http/routes/health.ts';
import { type ClosePatience, openHttpServer, type HttpListener } from '../adapters/http/server.ts';
import { createHealth } from '../app/health/health.ts';
import { RecentHandshakes } from '../app/notifications/recent-handshakes.ts';
import type { Config } from '../config.ts';
import { AckWindow } from '../domain/notifications/ack-window.ts';
import type { Basics } from './basics.ts';
import { createApi } from './api.ts';
import type { Core } from './core.ts';
import { createEdge } from './edge.ts';
import { registerGauges } from './gauges.ts';
import type { Stores } from './stores.ts';
import { VERSION } from './version.ts';

/** Everything that listens: the API with its routes, and the metrics. */
export async function openListeners(config: Config, basics: Basics, stores: Stores, core: Core) {
  const { clock, metrics } = basics;
  const parts = { ...basics, ...stores, production: config.production };
  const edge = createEdge(config, basics, stores);
  for (const name of config.switchedOff)
    basics.log.warn({}, `${name} is false: only for diagnosis`);
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
  const app = createHttpApp({
    ...parts,
    ...edge,
    webhookRouter: graphWebhookRoutes({
      ...core,
      acks,
      handshakes,
      proxies: edge.proxies,
      clock,
      metrics,
      ackTimeoutMs: config.ackTimeoutMs,
    }),
    healthRouter: healthRoutes({
      health,
      clock,
      seesDetails: config.healthDetails === 'everyone' ? () => true : showsGoodKey(edge),
    }),
    apiRouters: createApi(parts, core, {
      limiters: edge.limiters,
      handshakes,
      stopping: stopping.signal,
      requestTimeoutMs: config.requestTimeoutMs,
    }),
  });
  const { securityHeaders } = config.edge;
  const http = await openHttpServer({
    ...basics,
    handler: listenerOf(app),
    proxies: edge.proxies,
    securityHeaders,
    setBy: 'HOST, PORT',
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
      setBy: 'METRICS_HOST, METRICS_PORT',
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
