export interface ProbeResult {
  readonly status: 'healthy' | 'unhealthy';
  readonly latencyMs: number;
  /** Why it is unhealthy, in words that name no secret. */
  readonly detail?: string;
}

/** Checks one dependency. Liveness asks none, readiness all. */
export interface HealthProbe {
  /** Stable; part of the health answers. */
  readonly name: string;
  /** Whether the service can do its main job without it. */
  readonly critical: boolean;

  /** Never throws, and never takes longer than the signal lets it: aborted, it is unhealthy. */
  check(signal: AbortSignal): Promise<ProbeResult>;
}
