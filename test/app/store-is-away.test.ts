import { expect, it } from '@jest/globals';
import { createCircuitBreakers } from '../../src/adapters/opossum/circuit-breakers.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { guardStores } from '../../src/compose/guarded-stores.ts';
import { readConfig } from '../../src/config.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import type { HealthProbe } from '../../src/ports/health-probe.ts';
import { TurnedClock } from '../support/clock.ts';
import { silentLog } from '../support/silent-log.ts';

// A probe that hangs is half of the time under way: work that was begun then would only fail.
it('a store that hangs is away from the opening of its breaker until its probe answers', async () => {
  const clock = new TurnedClock();
  let answers = false;
  const probe: HealthProbe = {
    name: 'store',
    critical: true,
    check: (signal) =>
      new Promise((resolve, reject) => {
        if (answers) resolve({ status: 'healthy', latencyMs: 0 });
        signal.addEventListener('abort', () => reject(new Error('no answer')));
      }),
  };
  const fail = () => Promise.reject(new StoreUnavailableError('store', new Error('hung')));
  const port: unknown = new Proxy({}, { get: () => fail });
  const ports = { inbox: port, deliveries: port, subscriptions: port, sinks: port, replays: port };
  const breakers = createCircuitBreakers({
    enabled: true,
    timeoutMs: 10_000,
    errorThresholdPercent: 50,
    resetTimeoutMs: 30_000,
    volumeThreshold: 10,
    clock,
    log: silentLog,
    metrics: createMetrics(),
  });
  const config = readConfig({ NODE_ENV: 'test', ENCRYPTION_KEY: 'a'.repeat(64) });
  const stores = { ...ports, audit: port } as Parameters<typeof guardStores>[0];
  const guarded = guardStores(stores, { name: 'store', probe, config, breakers, clock });
  expect(guarded.isAway()).toBe(false);
  for (let call = 0; call < 10; call += 1) {
    await guarded.deliveries.countDead().catch(() => undefined);
  }
  for (let step = 0; step < 40; step += 1) {
    expect({ step, away: guarded.isAway() }).toEqual({ step, away: true });
    await clock.turn(250);
  }
  answers = true;
  await clock.turn(3000);
  expect(guarded.isAway()).toBe(false);
  breakers.close();
});
