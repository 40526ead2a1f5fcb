import { toOwnEvent } from '../../domain/delivery/cloud-event.ts';
import { NotFoundError, UnavailableError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { EndedTry, SinkAnswer, SinkFactory } from '../../ports/notification-sink.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { recordAct } from '../audit/record-act.ts';
import { failed } from './failed.ts';
import { openTarget } from './sink-secrets.ts';

/** What became of the test: what would become of a delivery that was answered in this way. */
export interface SinkTest {
  readonly outcome: EndedTry['outcome'];
  /** `null` when it was delivered. */
  readonly reason: string | null;
  readonly status: number | null;
  readonly durationMs: number;
  readonly body: string;
}

// Of a request's time, for its answer and the audit.
const SPARE_MS = 1000;

/**
 * Hands an event of type `Sallyport.Test` straight to a sink, be it enabled or not. It leaves no
 * row, and says nothing to the breaker and the health of the sink.
 */
export type TestSink = (
  principal: Principal,
  id: string,
  /** Aborted when nobody waits for it any more. */
  signal: AbortSignal,
) => Promise<SinkTest>;

export function createTestSink(deps: {
  sinks: SinkRepository;
  openSink: SinkFactory;
  cipher: Cipher;
  digest: Digest;
  clock: Clock;
  audit: AuditTrail;
  /** Aborted when the service stops, which waits for its answers. */
  stopping: AbortSignal;
  /** How long a request may take; the sink gets less, so that one that hangs is told of. */
  requestTimeoutMs: number;
}): TestSink {
  const { clock } = deps;
  const limitMs = Math.max(deps.requestTimeoutMs - SPARE_MS, deps.requestTimeoutMs / 2);

  return async function testSink(principal, id, waited) {
    const sink = await deps.sinks.find(principal.organizationId, id);
    if (sink === undefined) throw new NotFoundError('There is no such sink');
    const startedAt = clock.now();
    const destination = deps.openSink(openTarget(sink, deps.cipher, startedAt));
    const event = toOwnEvent({
      id: deps.digest.randomId(),
      type: 'Sallyport.Test',
      subject: `sink/${id}`,
      at: startedAt,
      data: JSON.stringify({ sinkId: id }),
    });
    const attempt = { deliveryId: event.id, attempt: 1 };
    const answer = await tryFor(limitMs, AbortSignal.any([deps.stopping, waited]), (signal) =>
      destination.deliver(event, { ...attempt, signal }),
    );
    const { outcome } = answer;
    const reason = 'reason' in answer ? answer.reason : null;
    const status = 'status' in answer ? answer.status : null;
    // Given up or not: it may have reached the sink.
    await recordAct(deps.audit, principal, {
      eventType: 'ADMIN_SINK_TESTED',
      severity: 'LOW',
      outcome: outcome === 'delivered' ? 'SUCCESS' : 'FAILURE',
      resource: `sink/${id}`,
      action: 'test',
      details: { outcome, reason, status },
    });
    if (answer.outcome === 'aborted') throw new UnavailableError('The test was given up');
    const durationMs = Math.max(0, clock.now() - startedAt);
    return { outcome: answer.outcome, reason, status, durationMs, body: answer.body };
  };

  /** Ends the try after `ms`, as the sink's own time limit does. */
  async function tryFor(
    ms: number,
    givenUp: AbortSignal,
    hand: (signal: AbortSignal) => Promise<SinkAnswer>,
  ): Promise<SinkAnswer> {
    const late = new AbortController();
    const cancel = clock.after(ms, () => late.abort());
    const answer = await hand(AbortSignal.any([givenUp, late.signal])).finally(cancel);
    const isLate = answer.outcome === 'aborted' && late.signal.aborted && !givenUp.aborted;
    return isLate ? failed('timeout') : answer;
  }
}
