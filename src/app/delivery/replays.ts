import {
  replayedDeliveryId,
  type Replay,
  type ReplayFilter,
} from '../../domain/delivery/replay.ts';
import { NotFoundError } from '../../domain/errors.ts';
import { actorOf, type Principal } from '../../domain/identity/principal.ts';
import type { Notification } from '../../domain/notifications/notification.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryStore, NewDelivery } from '../../ports/delivery-store.ts';
import type { Digest } from '../../ports/digest.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import type { ReplayRepository } from '../../ports/replay-repository.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';

export interface WantedReplay {
  readonly filter: Omit<ReplayFilter, 'receivedBefore'> & { readonly receivedBefore?: number };
  readonly sinkId?: string | undefined;
}

/** Delivers again what has been received before. */
export interface Replays {
  /** Begins a replay. Rejects with `NotFoundError` when the sink is not there. */
  start(principal: Principal, wanted: WantedReplay): Promise<Replay>;
  get(principal: Principal, id: string): Promise<Replay>;
  list(principal: Principal, page: PageRequest): Promise<Page<Replay>>;
  /** Goes on with every replay that is running, one page after the other, until all are done. */
  resume(): void;
  /** Begins no further page; resolves when the one under way is done. */
  stop(): Promise<void>;
}

const PAGE = 200;
// While a sink has so much to do already, the replay waits: what is new goes first.
const MAX_AHEAD = 1000;
const LOOK_AGAIN_MS = 250;

export function createReplays(deps: {
  replays: ReplayRepository;
  deliveries: DeliveryStore;
  sinks: SinkRepository;
  queue: JobQueue;
  audit: AuditTrail;
  digest: Digest;
  clock: Clock;
  log: Log;
}): Replays {
  const { clock, deliveries, queue, replays } = deps;
  const stopping = Promise.withResolvers<void>();
  let stopped = false;
  let running: Promise<void> | undefined;

  async function runAll(): Promise<void> {
    for (const replay of await replays.running()) await run(replay);
  }

  async function run(replay: Replay): Promise<void> {
    for (let at = replay; at.state === 'running' && !stopped;) {
      await room(at);
      const next = await page(at);
      // Somebody else has taken it over, and goes on with it.
      if (!(await replays.advance(at.id, at.cursor, next))) return;
      at = next;
    }
  }

  /** Makes the deliveries of one page; done twice, it makes them once. */
  async function page(at: Replay): Promise<Replay> {
    const found = await deliveries.search(at.organizationId, at.filter, {
      limit: PAGE,
      cursor: at.cursor ?? undefined,
    });
    const existing = new Set((await deps.sinks.all()).map(({ id }) => id));
    const rows = found.data
      .filter(({ data }) => data !== null)
      .flatMap((row) => toDeliveries(row, at))
      .filter(({ sinkId }) => existing.has(sinkId));
    if (rows.length > 0) await deliveries.insertDeliveries(rows);
    queue.hint(
      rows.map(({ id, sinkId, dueAt }) => ({
        kind: 'deliver',
        id,
        generation: 0,
        lane: sinkId,
        dueAt,
      })),
    );
    const done = found.nextCursor === null;
    return {
      ...at,
      state: done ? 'done' : 'running',
      cursor: found.nextCursor,
      notifications: at.notifications + found.data.length,
      deliveries: at.deliveries + rows.length,
      finishedAt: done ? clock.now() : null,
    };
  }

  function toDeliveries(notification: Notification, { id, sinkId }: Replay): NewDelivery[] {
    const now = clock.now();
    const sinkIds = sinkId === null ? notification.sinkIds : [sinkId];
    return sinkIds.map((to) => ({
      id: replayedDeliveryId(notification.id, to, id),
      organizationId: notification.organizationId,
      notificationId: notification.id,
      sinkId: to,
      dueAt: now,
      createdAt: now,
    }));
  }

  async function room({ sinkId }: Replay): Promise<void> {
    while (!stopped && sinkId !== null && queue.size('deliver', sinkId) >= MAX_AHEAD) {
      const later = new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve));
      await Promise.race([later, stopping.promise]);
    }
  }

  function resume(): void {
    if (stopped || running !== undefined) return;
    running = runAll()
      .catch((err: unknown) => deps.log.warn({ err }, 'a replay stopped and is taken up again'))
      .finally(() => {
        running = undefined;
      });
  }

  return {
    async start(principal, { filter, sinkId }) {
      const { organizationId } = principal;
      if (sinkId !== undefined && !(await deps.sinks.find(organizationId, sinkId))) {
        throw new NotFoundError('There is no such sink');
      }
      const now = clock.now();
      const replay: Replay = {
        id: deps.digest.randomId(),
        organizationId,
        // What comes in from now on is new, and would keep it running for ever.
        filter: { ...filter, receivedBefore: Math.min(filter.receivedBefore ?? now, now) },
        sinkId: sinkId ?? null,
        state: 'running',
        cursor: null,
        notifications: 0,
        deliveries: 0,
        createdAt: now,
        finishedAt: null,
      };
      await replays.insert(replay);
      void deps.audit.record({
        eventType: 'ADMIN_REPLAY_STARTED',
        severity: 'MEDIUM',
        outcome: 'SUCCESS',
        ...actorOf(principal),
        resource: `replay/${replay.id}`,
      });
      resume();
      return replay;
    },

    async get(principal, id) {
      const replay = await replays.find(principal.organizationId, id);
      if (replay === undefined) throw new NotFoundError('There is no such replay');
      return replay;
    },

    list: (principal, page) => replays.list(principal.organizationId, page),
    resume,

    async stop() {
      stopped = true;
      stopping.resolve();
      await running;
    },
  };
}
