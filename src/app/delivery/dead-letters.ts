import type { Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeadLetter, DeadLetterQuery, DeliveryStore } from '../../ports/delivery-store.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import { recordAct } from '../audit/record-act.ts';

/** Which dead letters: by their ids, or all that match when the request is made. */
export type ChosenLetters =
  { readonly ids: readonly string[] } | { readonly filter: DeadLetterQuery };

export type DeadLetters = ReturnType<typeof createDeadLetters>;

const PAGE = 200;

/** Deliveries that are out of tries, and their way back or out. */
export function createDeadLetters(deps: {
  deliveries: DeliveryStore;
  queue: JobQueue;
  clock: Clock;
  audit: AuditTrail;
}) {
  const { clock, deliveries, queue } = deps;

  async function redriveSome(organizationId: string, ids: readonly string[]): Promise<number> {
    const due = await deliveries.redrive(organizationId, ids, clock.now());
    queue.hint(
      due.map(({ id, generation, dueAt, sinkId }) => ({
        kind: 'deliver',
        id,
        generation,
        dueAt,
        lane: sinkId,
      })),
    );
    return due.length;
  }

  /** Page by page, each behind the one before: what dies again meanwhile is not met again. */
  async function* chosenIds(
    organizationId: string,
    chosen: ChosenLetters,
  ): AsyncGenerator<readonly string[]> {
    if ('ids' in chosen) return yield chosen.ids;
    const { diedBefore = Infinity, ...query } = chosen.filter;
    const asked = { ...query, diedBefore: Math.min(diedBefore, clock.now() + 1) };
    for (let cursor: string | undefined; ;) {
      const page = await deliveries.deadLetters(organizationId, asked, { limit: PAGE, cursor });
      yield page.data.map(({ delivery }) => delivery.id);
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  async function act(
    principal: Principal,
    chosen: ChosenLetters & { readonly comment?: string | null | undefined },
    how: {
      readonly action: 'redrive' | 'discard';
      readonly eventType: string;
      some(organizationId: string, ids: readonly string[]): Promise<number>;
      readonly signal: AbortSignal;
    },
  ): Promise<number> {
    let count = 0;
    for await (const ids of chosenIds(principal.organizationId, chosen)) {
      // Nobody waits any more. What was done stands, and is written down; asked again, it goes on.
      if (how.signal.aborted) break;
      if (ids.length > 0) count += await how.some(principal.organizationId, ids);
    }
    await recordAct(deps.audit, principal, {
      eventType: how.eventType,
      resource: 'dead-letters',
      action: how.action,
      details: { ...describe(chosen), count, comment: chosen.comment ?? null },
    });
    return count;
  }

  return {
    list(
      principal: Principal,
      query: DeadLetterQuery,
      page: PageRequest,
    ): Promise<Page<DeadLetter>> {
      return deliveries.deadLetters(principal.organizationId, query, page);
    },

    /**
     * Makes those that are dead due at once, with all their tries again; gives how many that were.
     * Aborted, it stops between two pages.
     */
    redrive(
      principal: Principal,
      chosen: Parameters<typeof act>[1],
      signal: AbortSignal,
    ): Promise<number> {
      return act(principal, chosen, {
        action: 'redrive',
        eventType: 'DATA_DEAD_LETTERS_REDRIVEN',
        some: redriveSome,
        signal,
      });
    },

    /** Gives those that are dead up for good; likewise. */
    discard(
      principal: Principal,
      chosen: Parameters<typeof act>[1],
      signal: AbortSignal,
    ): Promise<number> {
      return act(principal, chosen, {
        action: 'discard',
        eventType: 'DATA_DEAD_LETTERS_DISCARDED',
        some: (organizationId, ids) => deliveries.discard(organizationId, ids, clock.now()),
        signal,
      });
    },
  };
}

function describe(chosen: ChosenLetters): Record<string, string | number | null> {
  if ('ids' in chosen) return { asked: chosen.ids.length };
  const fields = Object.entries(chosen.filter).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields.map(([field, value]) => [`filter.${field}`, value]));
}
