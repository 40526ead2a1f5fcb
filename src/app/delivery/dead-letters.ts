import { actorOf, type Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeadLetter, DeliveryStore } from '../../ports/delivery-store.ts';
import type { JobQueue } from '../../ports/job-queue.ts';

export type DeadLetters = ReturnType<typeof createDeadLetters>;

/** Deliveries that are out of tries, and their way back. */
export function createDeadLetters(deps: {
  deliveries: DeliveryStore;
  queue: JobQueue;
  clock: Clock;
  audit: AuditTrail;
}) {
  return {
    list(principal: Principal, page: PageRequest): Promise<Page<DeadLetter>> {
      return deps.deliveries.deadLetters(principal.organizationId, page);
    },

    /** Makes those that are dead due at once, with all their tries again; gives how many that were. */
    async redrive(
      principal: Principal,
      wanted: { ids: readonly string[]; comment?: string | undefined },
    ): Promise<number> {
      const { organizationId } = principal;
      const due = await deps.deliveries.redrive(organizationId, wanted.ids, deps.clock.now());
      deps.queue.hint(
        due.map(({ id, generation, dueAt, sinkId }) => ({
          kind: 'deliver',
          id,
          generation,
          dueAt,
          lane: sinkId,
        })),
      );
      await deps.audit.record({
        ...actorOf(principal),
        eventType: 'DATA_DEAD_LETTERS_REDRIVEN',
        severity: 'MEDIUM',
        outcome: 'SUCCESS',
        resource: 'dead-letters',
        action: 'redrive',
        details: { asked: wanted.ids.length, count: due.length, comment: wanted.comment ?? null },
      });
      return due.length;
    },
  };
}
