import { describe, expect, it } from '@jest/globals';
import { createHealth } from '../../src/app/health/health.ts';
import type { HealthProbe, ProbeResult } from '../../src/ports/health-probe.ts';
import { TurnedClock } from '../support/clock.ts';

type Answer = ProbeResult | 'hangs' | 'throws' | 'heeds its signal';

const HEALTHY: ProbeResult = { status: 'healthy', latencyMs: 3 };
const UNHEALTHY: ProbeResult = { status: 'unhealthy', latencyMs: 4, detail: 'disk is full' };

function scripted(name: string, options: { answer?: Answer; critical?: boolean } = {}) {
  const { answer = HEALTHY, critical = true } = options;
  const probe = { name, critical, asked: 0, answer, check };
  function check(signal: AbortSignal): Promise<ProbeResult> {
    probe.asked += 1;
    switch (probe.answer) {
      case 'hangs':
        return new Promise(() => undefined);
      case 'throws':
        return Promise.reject(new Error('planted'));
      case 'heeds its signal':
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(UNHEALTHY));
        });
      default:
        return Promise.resolve(probe.answer);
    }
  }
  return probe;
}

function setUp(probes: readonly HealthProbe[]) {
  const clock = new TurnedClock();
  const state = { draining: false };
  const none = { waiting: 0, active: 0, delayed: 0 };
  const health = createHealth({
    probes,
    queueCounts: () => ({ expand: none, deliver: { waiting: 1, active: 2, delayed: 3 } }),
    clock,
    version: '1.2.3',
    draining: () => state.draining,
  });
  return { clock, state, health };
}

describe('health', () => {
  it('is ready when all probes are healthy', async () => {
    const { health } = setUp([scripted('store'), scripted('inbox')]);
    const { ready, checks } = await health.readiness();
    expect(ready).toBe(true);
    expect([...checks]).toEqual([
      ['store', { ...HEALTHY, critical: true }],
      ['inbox', { ...HEALTHY, critical: true }],
    ]);
  });

  it('is not ready without a critical dependency', async () => {
    const { health } = setUp([scripted('store', { answer: UNHEALTHY }), scripted('inbox')]);
    const { ready, checks } = await health.readiness();
    expect(ready).toBe(false);
    expect(checks.get('store')?.detail).toBe('disk is full');
  });

  it('is ready, but not healthy, without one that is not critical', async () => {
    const { health } = setUp([scripted('cache', { answer: UNHEALTHY, critical: false })]);
    expect((await health.readiness()).ready).toBe(true);
    expect((await health.overview()).healthy).toBe(false);
  });

  it.each<Answer>(['hangs', 'heeds its signal'])(
    'gives up on a probe that %s after 2 s',
    async (answer) => {
      const { health, clock } = setUp([scripted('store', { answer }), scripted('inbox')]);
      const asked = health.readiness();
      await clock.turn(2000);
      const { ready, checks } = await asked;
      expect(ready).toBe(false);
      expect(checks.get('store')?.status).toBe('unhealthy');
      expect(checks.get('inbox')?.status).toBe('healthy');
    },
  );

  it('takes a probe that throws for unhealthy, and does not repeat what it said', async () => {
    const { health } = setUp([scripted('store', { answer: 'throws' })]);
    const { ready, checks } = await health.readiness();
    expect(ready).toBe(false);
    expect(JSON.stringify([...checks])).not.toContain('planted');
  });

  it('asks its probes once a second, however many ask it', async () => {
    const store = scripted('store');
    const { health, clock } = setUp([store]);
    await Promise.all(Array.from({ length: 100 }, () => health.readiness()));
    await clock.turn(999);
    await health.overview();
    expect(store.asked).toBe(1);
    await clock.turn(1);
    await health.overview();
    expect(store.asked).toBe(2);
  });

  it('does not ask a hanging probe again while it hangs', async () => {
    const store = scripted('store', { answer: 'hangs' });
    const { health, clock } = setUp([store]);
    const first = health.readiness();
    await clock.turn(1500);
    const second = health.readiness();
    await clock.turn(500);
    await Promise.all([first, second]);
    expect(store.asked).toBe(1);
  });

  it('sees a recovery within a second', async () => {
    const store = scripted('store', { answer: UNHEALTHY });
    const { health, clock } = setUp([store]);
    expect((await health.readiness()).ready).toBe(false);
    store.answer = HEALTHY;
    await clock.turn(1000);
    expect((await health.readiness()).ready).toBe(true);
  });

  it('tells at once that it drains, whatever a probe is doing', async () => {
    const { health, state } = setUp([scripted('store', { answer: 'hangs' })]);
    state.draining = true;
    expect((await health.readiness()).ready).toBe(false);
  });

  it('tells those who wait for a probe, too', async () => {
    const { health, state, clock } = setUp([scripted('store')]);
    const asked = health.readiness();
    state.draining = true;
    await clock.turn(0);
    expect((await asked).ready).toBe(false);
  });

  it('gives an overview', async () => {
    const { health, clock } = setUp([scripted('store')]);
    await clock.turn(90_000);
    expect(await health.overview()).toMatchObject({
      healthy: true,
      uptimeMs: 90_000,
      version: '1.2.3',
      queues: { deliver: { waiting: 1, active: 2, delayed: 3 } },
    });
  });
});
