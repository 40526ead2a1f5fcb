import type { BreakerStatus, CircuitBreakers } from '../../ports/circuit-breakers.ts';
import {
  createCircuitBreaker,
  type BreakerConfig,
  type BreakerSurroundings,
} from './circuit-breaker.ts';

const STATE: Readonly<Record<BreakerStatus, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** Breakers over opossum; some two microseconds a call. */
export function createCircuitBreakers(deps: BreakerConfig & BreakerSurroundings): CircuitBreakers {
  const breakers = new Map<string, ReturnType<typeof createCircuitBreaker>>();
  deps.metrics.gaugeOf('circuit_breaker_state', () =>
    [...breakers].map(([name, { status }]) => ({
      labels: { breaker_name: name },
      value: STATE[status],
    })),
  );

  return {
    create(name, options = {}) {
      if (breakers.has(name)) throw new Error(`there is a circuit breaker ${name} already`);
      const breaker = createCircuitBreaker(
        name,
        {
          ...deps,
          ...options,
          resetTimeoutMs: options.resetTimeoutMs ?? deps.resetTimeoutMs,
          // The parts of a call have limits of their own, and none may outlast the whole.
          timeoutMs: Math.max(deps.timeoutMs, options.timeoutMs ?? 0),
          volumeThreshold: options.volumeThreshold ?? deps.volumeThreshold,
        },
        deps,
      );
      breakers.set(name, breaker);
      return breaker;
    },

    list: () => new Map([...breakers].map(([name, breaker]) => [name, breaker.report()])),

    close() {
      for (const breaker of breakers.values()) breaker.close();
    },
  };
}
