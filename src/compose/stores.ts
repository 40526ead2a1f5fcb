import type { IntakeGate } from '../app/notifications/intake-gate.ts';
import type { AuditTrail } from '../ports/audit-trail.ts';
import type { CircuitBreakers } from '../ports/circuit-breakers.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { DiskSpace } from '../ports/disk-space.ts';
import type { HealthProbe } from '../ports/health-probe.ts';
import type { Inbox } from '../ports/inbox.ts';
import type { JobQueue } from '../ports/job-queue.ts';
import type { RateStore } from '../ports/rate-store.ts';
import type { ReplayRepository } from '../ports/replay-repository.ts';
import type { SealedValues } from '../ports/sealed-values.ts';
import type { SinkRepository } from '../ports/sink-repository.ts';
import type { SubscriptionRepository } from '../ports/subscription-repository.ts';

/** One family of adapters, open. */
export interface Stores {
  /** Whether no other instance works on them at the same time. */
  readonly exclusive: boolean;
  readonly inbox: Inbox;
  readonly deliveries: DeliveryStore;
  readonly subscriptions: SubscriptionRepository;
  readonly sinks: SinkRepository;
  readonly replays: ReplayRepository;
  readonly audit: AuditTrail;
  readonly sealed: SealedValues;
  readonly queue: JobQueue;
  readonly rates: RateStore;
  /** Those that its parts are called through. */
  readonly breakers: Pick<CircuitBreakers, 'list'>;
  /** Whether what asks them now would only fail. */
  isAway(): boolean;
  /** Whether each instance counts for itself just now. */
  isRateStoreDegraded(): boolean;
  /** The disk that the family writes to. */
  readonly disk: DiskSpace;
  probes(gate: Pick<IntakeGate, 'freeDiskBytes'>): readonly HealthProbe[];
  /** Connections to the database, where there are any. */
  readonly connections?: () => { readonly active: number; readonly idle: number };
  /** Whether a thread is at its disk: should that hang, the process cannot even exit by itself. */
  isBusy(): boolean;
  /** Writes what waits, then ends threads and connections. */
  close(): Promise<void>;
}

// About 10 MB when a flood of addresses fills it.
export const RATE_KEYS_PER_POLICY = 50_000;
