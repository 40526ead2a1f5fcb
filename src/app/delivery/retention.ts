import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { Inbox } from '../../ports/inbox.ts';
import type { Log } from '../../ports/log.ts';

export interface RetentionLimits {
  readonly notificationsMs: number;
  readonly deadLettersMs: number;
  readonly auditMs: number;
}

const EVERY_MS = 60_000;
// Small enough that no acknowledgement or delivery waits for a purge.
const ROWS_AT_ONCE = 500;

/** Removes what is too old, a little at a time; begins a minute after the start. */
export function startRetention(deps: {
  deliveries: DeliveryStore;
  inbox: Pick<Inbox, 'backlog'>;
  audit: AuditTrail;
  clock: Clock;
  log: Log;
  limits: RetentionLimits;
}): Cancel {
  const { clock, limits } = deps;
  let stopped = false;

  async function purge(): Promise<void> {
    const now = clock.now();
    // After a long time off, what is being expanded is as old as what may go; without its
    // notification an insert makes no delivery, and its receipt would be settled all the same.
    const { oldestAt } = deps.inbox.backlog();
    const order = {
      notificationsBefore: Math.min(now - limits.notificationsMs, oldestAt ?? Infinity),
      deadLettersBefore: now - limits.deadLettersMs,
      limit: ROWS_AT_ONCE,
    };
    const { notifications, deadLetters } = await deps.deliveries.purge(order);
    const entries = await deps.audit.purge(now - limits.auditMs, ROWS_AT_ONCE);
    const full = Math.max(notifications, deadLetters, entries) >= ROWS_AT_ONCE;
    if (full && !stopped) await purge();
  }

  function again(): void {
    purge()
      .catch((err: unknown) => deps.log.warn({ err }, 'a purge failed and is tried again'))
      .finally(() => {
        if (!stopped) cancel = clock.after(EVERY_MS, again);
      });
  }

  let cancel = clock.after(EVERY_MS, again);
  return () => {
    stopped = true;
    cancel();
  };
}
