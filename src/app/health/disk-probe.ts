import type { HealthProbe } from '../../ports/health-probe.ts';
import type { IntakeGate } from '../notifications/intake-gate.ts';

/** Whether there is room for what may come in: without it every POST is refused. */
export function createDiskProbe(
  gate: Pick<IntakeGate, 'freeDiskBytes'>,
  minFreeBytes: number,
): HealthProbe {
  return {
    name: 'disk',
    critical: true,
    async check() {
      return gate.freeDiskBytes() < minFreeBytes
        ? { status: 'unhealthy', latencyMs: 0, detail: 'the disk is almost full' }
        : { status: 'healthy', latencyMs: 0 };
    },
  };
}
