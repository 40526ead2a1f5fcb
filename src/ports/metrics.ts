/** Counters, with the names of their labels. */
export interface Counters {
  /** Items of POSTs by verdict, and what became of held ones. */
  notifications_total: { verdict: string };
  /** Tries that ended; `outcome` is `delivered`, `retry`, `dead` or `lost`. */
  deliveries_total: { sink: string; outcome: string };
  http_requests_total: { method: string; route: string; status_code: string };
  /** Requests refused because their client had used up what the policy allows. */
  rate_limit_exceeded_total: { policy: string };
  /** Credentials that were shown; `status` is `valid`, `wrong`, or, unlooked at, `refused` or `outside`. */
  auth_attempts_total: { method: 'operator-key'; status: string };
  /** What operators were told, by type; see `OperationsEventType`. */
  operations_events_total: { type: string };
  /** Calls through a circuit breaker that failed; what an open one refuses is none. */
  circuit_breaker_failures_total: { breaker_name: string };
}

/** Durations in seconds, with the names of their labels. */
export interface Histograms {
  http_request_duration_seconds: { method: string; route: string; status_code: string };
  /** From the headers' arrival to the answer, of notification POSTs and handshakes alike. */
  graph_ack_duration_seconds: { kind: 'handshake' | 'notifications' };
  /** One command of the database, by what it does and to which collection. */
  db_query_duration_seconds: { operation: string; collection: string };
  /** One try at a sink. */
  delivery_duration_seconds: { sink: string };
}

/** Values read when somebody asks, with what gives them. */
export interface Gauges {
  /** Share of answers to Graph slower than 3 s, and than 10 s, in the last 10 minutes; 0 to 1. */
  graph_ack_slow_ratio: number;
  graph_ack_drop_ratio: number;
  inbox_backlog_receipts: number;
  inbox_backlog_age_seconds: number;
  dead_letters: number;
  held_items: number;
  free_disk_bytes: number;
  /** Until the next subscription ends; left out when there is none. */
  subscription_expires_in_seconds: number;
  /** When the watch last told that it is alive, epoch seconds. */
  heartbeat_timestamp_seconds: number;
  /** 1 while limits are counted by each instance for itself, because their store is away; else 0. */
  rate_store_degraded: number;
  /** Connections to the database that are in use, and that are open and idle. */
  db_connections_active: number;
  db_connections_idle: number;
}

/** The same with labels: a value each. */
export interface LabelledGauges {
  /** 0 closed, 1 half-open, 2 open. */
  circuit_breaker_state: { breaker_name: string };
}

export interface LabelledValue<L> {
  readonly labels: L;
  readonly value: number;
}

type GaugeValue<N extends keyof Gauges> = Gauges[N] | undefined;

/**
 * Counts what happens. Never throws and never waits. Label values come from bounded sets: route
 * patterns, sink ids, verdicts; never an address, a path or a text of a caller's.
 */
export interface Metrics {
  count<N extends keyof Counters>(name: N, labels: Counters[N], by?: number): void;
  observe<N extends keyof Histograms>(name: N, labels: Histograms[N], seconds: number): void;
  /** Leaves out from now on what was counted of a sink that is gone: each listener is one. */
  forgetSink(sinkId: string): void;
  /**
   * `read` is called at each scrape and may be asynchronous; when it fails or gives `undefined` the
   * gauge is left out.
   */
  gauge<N extends keyof Gauges>(name: N, read: () => GaugeValue<N> | Promise<GaugeValue<N>>): void;
  /** `read` is called at each scrape and gives every value that there is. */
  gaugeOf<N extends keyof LabelledGauges>(
    name: N,
    read: () => readonly LabelledValue<LabelledGauges[N]>[],
  ): void;
}
