import type { Context } from 'koa';
import type { Checks, Health, HealthOverview } from '../../../app/health/health.ts';
import type { Clock } from '../../../ports/clock.ts';
import { createRouter, type Routes } from '../router.ts';

/** For load balancers, orchestrators and people: open to all, and cheap however many ask. */
export function healthRoutes(deps: {
  health: Health;
  clock: Clock;
  /** Who sees more than the status at `/api/health`. */
  seesDetails: (ctx: Context) => boolean | Promise<boolean>;
}): Routes {
  const router = createRouter();
  const timestamp = () => new Date(deps.clock.now()).toISOString();

  router.get('/health', function showLiveness(ctx) {
    ctx.body = { status: 'ok', timestamp: timestamp() };
  });

  router.get('/health/ready', async function showReadiness(ctx) {
    const { ready, checks } = await deps.health.readiness();
    ctx.status = ready ? 200 : 503;
    ctx.body = {
      status: ready ? 'ready' : 'not ready',
      checks: presentChecks(checks),
      timestamp: timestamp(),
    };
  });

  router.get('/api/health', async function showHealth(ctx) {
    const overview = await deps.health.overview();
    ctx.status = overview.healthy ? 200 : 503;
    ctx.body = {
      status: overview.healthy ? 'healthy' : 'degraded',
      ...((await deps.seesDetails(ctx))
        ? { ...presentDetails(overview), timestamp: timestamp() }
        : {}),
    };
  });

  return router;
}

function presentChecks(checks: Checks): object {
  return Object.fromEntries(
    [...checks].map(([name, { status, latencyMs, detail }]) => [
      name,
      { status, latencyMs, ...(detail === undefined ? {} : { error: detail }) },
    ]),
  );
}

function presentDetails({ uptimeMs, version, checks, queues }: HealthOverview): object {
  const services = [...checks].map(([name, { status }]) => [
    name,
    status === 'healthy' ? 'connected' : 'error',
  ]);
  // A hint whose handler fails is gone at once; what failed for good is among the dead letters.
  const counts = Object.entries(queues).map(([kind, { waiting, active, delayed }]) => [
    kind,
    { waiting, active, delayed, failed: 0 },
  ]);
  return {
    uptime: Math.floor(uptimeMs / 1000),
    version,
    services: Object.fromEntries(services),
    queues: { count: counts.length, ...Object.fromEntries(counts) },
  };
}
