import type { Sink, SinkChange } from '../../domain/delivery/sink.ts';
import { verdictOnSink } from '../../domain/delivery/sink-health.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { EndedTry } from '../../ports/notification-sink.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';

/** Keeps in mind since when a sink has been failing, and disables one that will not come back. */
export interface WatchSinks {
  /** Told of each try that ended. Writes only when something changes. */
  tried(sink: Sink, answer: EndedTry): Promise<void>;
}

export function createWatchSinks(deps: {
  sinks: SinkRepository;
  audit: AuditTrail;
  clock: Clock;
  log: Log;
  /** Told when a sink was changed, so that it is read anew. */
  changed: () => void;
}): WatchSinks {
  const { clock, log } = deps;
  // Many tries of one sink end at once; the first of them writes for all.
  const writing = new Set<string>();

  async function write(sink: Sink, change: SinkChange): Promise<void> {
    if (writing.has(sink.id)) return;
    writing.add(sink.id);
    try {
      await deps.sinks.update(sink.organizationId, sink.id, change, clock.now());
      deps.changed();
    } finally {
      writing.delete(sink.id);
    }
  }

  async function disable(sink: Sink, reason: string): Promise<void> {
    log.warn({ sink: sink.id, reason }, 'a sink was disabled; its deliveries wait');
    await write(sink, { enabled: false, disabledReason: reason });
    void deps.audit.record({
      eventType: 'SYSTEM_SINK_DISABLED',
      severity: 'HIGH',
      outcome: 'SUCCESS',
      organizationId: sink.organizationId,
      resource: `sink/${sink.id}`,
      details: { reason },
    });
  }

  return {
    async tried(sink, answer) {
      const verdict = verdictOnSink(sink, answer, clock.now());
      switch (verdict.action) {
        case 'disable':
          return disable(sink, verdict.reason);
        case 'failing-since':
          return write(sink, { failingSince: verdict.at });
        case 'nothing':
      }
    },
  };
}
