import type { Clock } from '../../ports/clock.ts';
import type { HealthProbe, ProbeResult } from '../../ports/health-probe.ts';
import type { JobQueue } from '../../ports/job-queue.ts';

const CHECK_EVERY_MS = 1000;
const PROBE_LIMIT_MS = 2000;

/** What each probe found, under its name. */
export type Checks = ReadonlyMap<string, ProbeResult & { readonly critical: boolean }>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Checks;
}

export interface HealthOverview {
  readonly healthy: boolean;
  readonly uptimeMs: number;
  readonly version: string;
  readonly checks: Checks;
  readonly queues: ReturnType<JobQueue['counts']>;
}

export type Health = ReturnType<typeof createHealth>;

/**
 * How the service is. However many ask, the probes are asked once a second at most, so that health
 * routes, which are open to everybody, cannot be used against what they look after.
 */
export function createHealth(deps: {
  probes: readonly HealthProbe[];
  queueCounts: JobQueue['counts'];
  clock: Clock;
  version: string;
  draining: () => boolean;
}) {
  const startedAt = deps.clock.now();
  const check = onceASecond(deps.clock, () => checkAll(deps.probes, deps.clock));

  return {
    /** Whether to send work here; draining is told at once, whatever the probes are doing. */
    async readiness(): Promise<Readiness> {
      if (deps.draining()) return { ready: false, checks: new Map() };
      const checks = await check();
      return { ready: [...checks.values()].every(isFine) && !deps.draining(), checks };
    },

    async overview(): Promise<HealthOverview> {
      const checks = await check();
      return {
        healthy: [...checks.values()].every(({ status }) => status === 'healthy'),
        uptimeMs: deps.clock.now() - startedAt,
        version: deps.version,
        checks,
        queues: deps.queueCounts(),
      };
    },
  };
}

function isFine({ status, critical }: ProbeResult & { critical: boolean }): boolean {
  return status === 'healthy' || !critical;
}

/** Callers share one run: the one under way, or the last one while that is a second old at most. */
function onceASecond<T>(clock: Clock, run: () => Promise<T>): () => Promise<T> {
  let latest: { readonly startedAt: number; readonly result: Promise<T> } | undefined;
  let running = false;

  function isFresh(startedAt: number): boolean {
    const age = clock.now() - startedAt; // below 0 when the clock was set back
    return age >= 0 && age < CHECK_EVERY_MS;
  }

  return () => {
    if (latest !== undefined && (running || isFresh(latest.startedAt))) return latest.result;
    running = true;
    const result = run().finally(() => {
      running = false;
    });
    latest = { startedAt: clock.now(), result };
    return result;
  };
}

async function checkAll(probes: readonly HealthProbe[], clock: Clock): Promise<Checks> {
  const checked = await Promise.all(
    probes.map(async (probe) => {
      const result = await checkOne(probe, clock);
      return [probe.name, { ...result, critical: probe.critical }] as const;
    }),
  );
  return new Map(checked);
}

/** A probe that breaks its promise, and hangs or throws, is an unhealthy one. */
function checkOne(probe: HealthProbe, clock: Clock): Promise<ProbeResult> {
  const startedAt = clock.now();
  const limit = new AbortController();
  return new Promise((resolve) => {
    const fail = (detail: string) =>
      resolve({ status: 'unhealthy', latencyMs: clock.now() - startedAt, detail });
    const cancel = clock.after(PROBE_LIMIT_MS, () => {
      limit.abort();
      fail('no answer in time');
    });
    probe
      .check(limit.signal)
      .then(resolve, () => fail('the check failed'))
      .finally(cancel);
  });
}
