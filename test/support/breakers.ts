import { createCircuitBreakers } from '../../src/adapters/opossum/circuit-breakers.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import type { CircuitBreakers } from '../../src/ports/circuit-breakers.ts';
import { silentLog } from './silent-log.ts';

export const BREAKER_CONFIG = {
  enabled: true,
  timeoutMs: 10_000,
  errorThresholdPercent: 50,
  resetTimeoutMs: 30_000,
  volumeThreshold: 10,
};

/** Breakers as they are by default, of which nobody reads anything. */
export function openBreakers(): CircuitBreakers {
  return createCircuitBreakers({
    ...BREAKER_CONFIG,
    clock: systemClock,
    log: silentLog,
    metrics: createMetrics(),
  });
}
