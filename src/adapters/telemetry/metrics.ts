import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type {
  Counters,
  Gauges,
  Histograms,
  LabelledGauges,
  LabelledValue,
  Metrics,
} from '../../ports/metrics.ts';

interface Described {
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** Of a try that ended. */
const OUTCOMES = ['delivered', 'retry', 'dead', 'lost'];

const COUNTERS: Readonly<Record<keyof Counters, Described>> = {
  notifications_total: { help: 'Items of notification POSTs by verdict', labelNames: ['verdict'] },
  deliveries_total: { help: 'Tries at sinks that ended', labelNames: ['sink', 'outcome'] },
  http_requests_total: {
    help: 'Requests that were answered',
    labelNames: ['method', 'route', 'status_code'],
  },
  rate_limit_exceeded_total: { help: 'Requests over a rate limit', labelNames: ['policy'] },
  auth_attempts_total: {
    help: 'Credentials that were shown, and whether they were good',
    labelNames: ['method', 'status'],
  },
  operations_events_total: { help: 'What operators were told', labelNames: ['type'] },
  circuit_breaker_failures_total: {
    help: 'Calls through a circuit breaker that failed',
    labelNames: ['breaker_name'],
  },
};

const HISTOGRAMS: Readonly<Record<keyof Histograms, Described & { buckets: number[] }>> = {
  http_request_duration_seconds: {
    help: 'From the request to its answer',
    labelNames: ['method', 'route', 'status_code'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  graph_ack_duration_seconds: {
    help: 'From the arrival of the headers to the answer to Graph',
    labelNames: ['kind'],
    // 3 s and 10 s are where Graph begins to call an endpoint slow, and to drop notifications.
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10],
  },
  db_query_duration_seconds: {
    help: 'One command of the database',
    labelNames: ['operation', 'collection'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  },
  delivery_duration_seconds: {
    help: 'One try at a sink',
    labelNames: ['sink'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
  },
};

const GAUGES: Readonly<Record<keyof Gauges, string>> = {
  graph_ack_slow_ratio: 'Share of answers to Graph slower than 3 s in the last 10 minutes',
  graph_ack_drop_ratio: 'Share of answers to Graph slower than 10 s in the last 10 minutes',
  inbox_backlog_receipts: 'Accepted POSTs that wait to be expanded',
  inbox_backlog_age_seconds: 'How long the oldest of them has waited',
  dead_letters: 'Deliveries that are out of tries',
  held_items: 'Items held for a subscription that is not known yet',
  free_disk_bytes: 'Free disk of the data folder',
  subscription_expires_in_seconds: 'Until the subscription that ends next ends',
  heartbeat_timestamp_seconds: 'When the service last told that it is alive',
  rate_store_degraded: 'Whether each instance counts rate limits for itself',
  db_connections_active: 'Connections to the database in use',
  db_connections_idle: 'Connections to the database that are open and idle',
};

const LABELLED_GAUGES: Readonly<Record<keyof LabelledGauges, Described>> = {
  circuit_breaker_state: {
    help: 'Whether a circuit breaker is closed (0), half-open (1) or open (2)',
    labelNames: ['breaker_name'],
  },
};

/** Prometheus metrics in a registry of their own, Node's included. */
export function createMetrics(): Metrics & {
  render(): Promise<{ contentType: string; text: string }>;
} {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  for (const [name, described] of Object.entries(COUNTERS)) {
    counters.set(name, new Counter({ name, ...described, registers }));
  }
  const histograms = new Map<string, Histogram>();
  for (const [name, described] of Object.entries(HISTOGRAMS)) {
    histograms.set(name, new Histogram({ name, ...described, registers }));
  }

  return {
    count: (name, labels, by = 1) => counters.get(name)?.inc(labels, by),
    observe: (name, labels, seconds) => histograms.get(name)?.observe(labels, seconds),
    forgetSink(sink) {
      for (const outcome of OUTCOMES) counters.get('deliveries_total')?.remove({ sink, outcome });
      histograms.get('delivery_duration_seconds')?.remove({ sink });
    },
    gauge: (name, read) => registry.registerMetric(createGauge(name, read)),
    gaugeOf: (name, read) => registry.registerMetric(createLabelledGauge(name, read)),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

type Read = () => number | undefined | Promise<number | undefined>;

function createGauge(name: keyof Gauges, read: Read): Gauge {
  return new Gauge({
    name,
    help: GAUGES[name],
    registers: [],
    async collect() {
      try {
        const value = await read();
        if (value !== undefined) return this.set(value);
      } catch {
        // As below.
      }
      this.remove(); // no value tells more than the last one or a zero would
    },
  });
}

function createLabelledGauge<N extends keyof LabelledGauges>(
  name: N,
  read: () => readonly LabelledValue<LabelledGauges[N]>[],
): Gauge {
  return new Gauge({
    name,
    ...LABELLED_GAUGES[name],
    registers: [],
    collect() {
      this.reset(); // what is not there any more is not shown either
      for (const { labels, value } of read()) this.set(labels, value);
    },
  });
}
