import { isSamePlace, type Sink, type SinkChange } from '../../domain/delivery/sink.ts';
import { verdictOnSink } from '../../domain/delivery/sink-health.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EndedTry } from '../../ports/notification-sink.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import type { TellOperators } from '../operations/tell-operators.ts';

/** Keeps in mind since when a sink has been failing, and disables one that will not come back. */
export interface WatchSinks {
  /** Told of each try that ended. Writes only when something changes. */
  tried(sink: Sink, answer: EndedTry): Promise<void>;
}

export function createWatchSinks(deps: {
  sinks: SinkRepository;
  audit: AuditTrail;
  clock: Clock;
  tell: TellOperators;
  /** Told when a sink was disabled, so that the sinks are read anew. */
  changed: () => void;
}): WatchSinks {
  const { clock } = deps;
  const turns = new Map<string, Promise<void>>();
  /** When sinks failed last that have not answered since, as far as it was seen here. */
  const failedAt = new Map<string, number>();

  /**
   * Many tries of one sink end at once: each is judged by what the one before has written, so that
   * a sink is disabled once, and a failure that is being noted does not swallow a 410.
   */
  function inTurn(sinkId: string, work: () => Promise<void>): Promise<void> {
    const before = turns.get(sinkId) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(work);
    turns.set(sinkId, turn);
    return turn.finally(() => {
      if (turns.get(sinkId) === turn) turns.delete(sinkId);
    });
  }

  async function act(tried: Sink, { answer, lastFailedAt }: Seen): Promise<void> {
    const { id } = tried;
    const sink = await deps.sinks.find(tried.organizationId, id);
    // One that was led elsewhere meanwhile is not gone because its old place is.
    if (sink === undefined || !isSamePlace(sink, tried)) {
      failedAt.delete(id);
      return;
    }
    if (answer.outcome === 'retry' && wasCleared(sink, tried)) return;
    const verdict = verdictOnSink({ ...sink, lastFailedAt }, answer, clock.now());
    if (verdict.action === 'disable') await disable(sink, verdict.reason);
    // Nobody is told: one that fails now and then would have all lanes swept for each try.
    if (verdict.action === 'failing-since') await write(sink, { failingSince: verdict.at });
    remember(id, answer);
  }

  function remember(sinkId: string, { outcome }: EndedTry): void {
    if (outcome === 'retry') failedAt.set(sinkId, clock.now());
    else failedAt.delete(sinkId);
  }

  async function write(sink: Sink, change: SinkChange): Promise<void> {
    await deps.sinks.update(sink.organizationId, sink.id, change, clock.now());
  }

  async function disable(sink: Sink, reason: string): Promise<void> {
    await write(sink, { enabled: false, disabledReason: reason });
    deps.changed();
    deps.tell({
      type: 'SinkDisabled',
      subject: `sink/${sink.id}`,
      organizationId: sink.organizationId,
      data: { reason },
    });
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
      const lastFailedAt = failedAt.get(sink.id);
      const hasFailed = answer.outcome === 'retry';
      if (hasFailed) remember(sink.id, answer);
      // As it was last read: nearly always there is nothing to do, and no need to ask the store. But
      // that it fails may have been noted since.
      const { action } = verdictOnSink({ ...sink, lastFailedAt }, answer, clock.now());
      if (action === 'nothing' && (hasFailed || lastFailedAt === undefined)) return;
      await inTurn(sink.id, () => act(sink, { answer, lastFailedAt }));
    },
  };
}

/** Whether somebody says since the try began that the sink does not fail: by enabling it, or an answer. */
function wasCleared({ failingSince, updatedAt }: Sink, tried: Sink): boolean {
  return failingSince === null && updatedAt !== tried.updatedAt;
}

interface Seen {
  readonly answer: EndedTry;
  /** The failure before it. */
  readonly lastFailedAt: number | undefined;
}
