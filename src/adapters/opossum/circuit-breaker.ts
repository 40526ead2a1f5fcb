import Opossum from 'opossum';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type {
  BreakerOptions,
  BreakerReport,
  BreakerStatus,
  CircuitBreaker,
} from '../../ports/circuit-breakers.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { OpenBreakerError } from './open-breaker-error.ts';
import { type TimeLimit, within } from '../stores/within.ts';
import { createTrials } from './trials.ts';

/** What holds for every breaker that does not say otherwise. */
export interface BreakerConfig {
  readonly enabled: boolean;
  /** Of one call. */
  readonly timeoutMs: number;
  readonly errorThresholdPercent: number;
  readonly resetTimeoutMs: number;
  readonly volumeThreshold: number;
}

export interface BreakerSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

const WINDOW = { ms: 10_000, buckets: 10 };
const RETRY_AFTER_AT_LEAST_MS = 1000;

/**
 * One breaker. Its first opening is a warning and its closing an information; what lies between, a
 * trial each second perhaps for hours, is for debugging.
 */
export function createCircuitBreaker(
  name: string,
  config: BreakerConfig & BreakerOptions,
  { clock, log, metrics }: BreakerSurroundings,
): CircuitBreaker & { report(): BreakerReport } {
  const { enabled, resetTimeoutMs, trial, turned } = config;
  const circuit = new Opossum((work: () => Promise<void>) => work(), toOptions(config));
  let failure: unknown;
  let openSince: number | undefined;
  let waitingSince = 0;
  const waitMs = Math.min(resetTimeoutMs, trial?.everyMs ?? Infinity);
  const limit: TimeLimit = {
    clock,
    ms: config.timeoutMs,
    store: name,
    passed: () => circuit.emit('timeout'), // has it counted: that opossum measures no time is our doing
  };
  const trials = createTrials({
    trial,
    clock,
    began: halfOpened,
    succeeded: () => circuit.close(),
    failed(error) {
      failure = error;
      waitingSince = clock.now();
      circuit.open(); // where it has come to let a call through meanwhile
    },
  });

  circuit.on('failure', (error) => {
    failure = error;
    metrics.count('circuit_breaker_failures_total', { breaker_name: name });
  });
  circuit.on('open', () => {
    waitingSince = clock.now();
    trials.start();
    if (openSince !== undefined) return log.debug({ breaker: name }, 'a circuit stays open');
    openSince = waitingSince;
    log.warn({ breaker: name, err: failure }, 'a circuit is open: what needs it fails at once');
    turned?.('open', failure);
  });
  circuit.on('halfOpen', halfOpened);
  circuit.on('close', () => {
    trials.stop();
    const openMs = clock.now() - (openSince ?? clock.now());
    openSince = undefined;
    log.info({ breaker: name, openMs }, 'a circuit is closed again');
    turned?.('closed', undefined);
  });

  function halfOpened(): void {
    log.debug({ breaker: name }, 'a circuit is half-open');
  }

  function statusNow(): BreakerStatus {
    if (circuit.closed || circuit.isShutdown) return 'closed';
    return circuit.halfOpen || trials.isRunning() ? 'half-open' : 'open';
  }

  function call<T>(work: () => Promise<T>): Promise<T> {
    const bounded = async () => within(limit, work());
    if (!enabled || circuit.isShutdown) return bounded();
    return new Promise((resolve, reject) => {
      let give: (() => void) | undefined;
      const timed = async () => {
        const result = await bounded();
        give = () => resolve(result);
      };
      // Given when opossum knows of it too: whoever calls again at once finds the circuit closed.
      circuit.fire(timed).then(
        () => give?.(),
        (error: unknown) => reject(isRefusal(error) ? refusal() : error),
      );
    });
  }

  function refusal(): OpenBreakerError {
    const leftMs = Math.min(waitMs, waitingSince + waitMs - clock.now());
    return new OpenBreakerError(name, Math.max(RETRY_AFTER_AT_LEAST_MS, leftMs), failure);
  }

  return {
    get status() {
      return statusNow();
    },
    call,
    report() {
      const { fires, successes, failures, rejects, timeouts } = circuit.stats;
      return { status: statusNow(), stats: { fires, successes, failures, rejects, timeouts } };
    },
    close() {
      trials.stop();
      circuit.shutdown();
    },
  };
}

function toOptions(config: BreakerConfig & BreakerOptions): Opossum.Options {
  const { ms, buckets } = config.window ?? WINDOW;
  return {
    timeout: false, // the time limit is our own, on the service's clock
    resetTimeout: config.resetTimeoutMs,
    // It opens above its threshold, and nothing is above 100 %.
    errorThresholdPercentage: Math.min(99.9, config.errorThresholdPercent),
    volumeThreshold: config.volumeThreshold,
    rollingCountTimeout: ms,
    rollingCountBuckets: buckets,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    errorFilter: (error: unknown) => !(error instanceof StoreUnavailableError),
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && Opossum.isOurError(error);
}
