import { replayedDeliveryId, type Replay } from '../../domain/delivery/replay.ts';
import { wants } from '../../domain/delivery/route.ts';
import type { Sink } from '../../domain/delivery/sink.ts';
import type { Notification } from '../../domain/notifications/notification.ts';
import { readItem } from '../../domain/notifications/read-collection.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryStore, NewDelivery } from '../../ports/delivery-store.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import type { ReplayRepository } from '../../ports/replay-repository.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { newDeliveryHints } from './new-delivery-hints.ts';

/** Does the work of replays. */
export interface ReplayRunner {
  /** Goes on with every replay that is running, until all are done. */
  resume(): void;
  /** Begins no further page; resolves when the one under way is done. */
  stop(): Promise<void>;
}

const PAGE = 200;
// While a sink has so much to do already, the replay waits: what is new goes first.
const MAX_AHEAD = 1000;
const LOOK_AGAIN_MS = 250;

export interface ReplayRunnerDeps {
  replays: ReplayRepository;
  deliveries: DeliveryStore;
  sinks: SinkRepository;
  /** Sinks that something may be delivered to now. */
  openSinks: () => readonly Sink[];
  queue: JobQueue;
  clock: Clock;
  log: Log;
}

export function createReplayRunner(deps: ReplayRunnerDeps): ReplayRunner {
  const { clock, deliveries, log, queue, replays } = deps;
  const stopping = Promise.withResolvers<void>();
  let stopped = false;
  let asked = false;
  let running: Promise<void> | undefined;

  function resume(): void {
    asked = true;
    if (!stopped) running ??= runWhileAsked();
  }

  async function runWhileAsked(): Promise<void> {
    while (asked && !stopped) {
      asked = false;
      await runAll().catch((err: unknown) => log.warn({ err }, 'replays are taken up again later'));
    }
    // In the same turn as the last look at `asked`, or what is asked in between would be forgotten.
    running = undefined;
  }

  /** A page of each in turn, so that none waits for another one's sink. */
  async function runAll(): Promise<void> {
    const failed = new Set<string>();
    while (!stopped) {
      const open = (await replays.running()).filter(({ id }) => !failed.has(id));
      if (open.length === 0) return;
      const ready = open.filter(hasRoom);
      for (const replay of ready) {
        if (!stopped && !(await goOn(replay))) failed.add(replay.id);
      }
      if (ready.length === 0) await pause();
    }
  }

  /** One sink that is slow holds up its own replay; one that keeps failing no replay of others too. */
  function hasRoom({ organizationId, sinkId }: Replay): boolean {
    const ofOrganization = deps
      .openSinks()
      .filter((sink) => sink.organizationId === organizationId);
    const lanes = sinkId === null ? ofOrganization.map(({ id }) => id) : [sinkId];
    return lanes.every((lane) => queue.size('deliver', lane) < MAX_AHEAD);
  }

  async function goOn(replay: Replay): Promise<boolean> {
    try {
      const next = await deliverPage(replay);
      // When it fails, somebody else has done this page: nothing came of it twice.
      await replays.advance(replay.id, replay.cursor, next);
      return true;
    } catch (err) {
      log.warn({ err, replay: replay.id }, 'a replay stopped and is taken up again later');
      return false;
    }
  }

  /** Makes the deliveries of one page; done twice, it makes them once. */
  async function deliverPage(at: Replay): Promise<Replay> {
    const page = { limit: PAGE, cursor: at.cursor ?? undefined };
    const found = await deliveries.search(at.organizationId, at.filter, page);
    const sinks = new Map((await deps.sinks.all()).map((sink) => [sink.id, sink]));
    const rows = found.data.flatMap((row) => toDeliveries(row, at, sinks));
    if (rows.length > 0) await deliveries.insertDeliveries(rows);
    queue.hint(newDeliveryHints(rows));
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

  function toDeliveries(
    notification: Notification,
    replay: Replay,
    sinks: ReadonlyMap<string, Sink>,
  ): NewDelivery[] {
    const { id, organizationId } = notification;
    const now = clock.now();
    return sinksFor(notification, replay, sinks).map((sinkId) => ({
      id: replayedDeliveryId(id, sinkId, replay.id),
      organizationId,
      notificationId: id,
      sinkId,
      dueAt: now,
      createdAt: now,
    }));
  }

  async function pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(LOOK_AGAIN_MS, resolve);
    await Promise.race([promise, stopping.promise]);
    cancel();
  }

  return {
    resume,

    async stop() {
      stopped = true;
      stopping.resolve();
      await running;
    },
  };
}

/**
 * Sinks that are there and get this notification again. None while it waits for its key, and none
 * for the service's own events, which have no subscription: they are told once.
 */
function sinksFor(
  notification: Notification,
  { sinkId }: Replay,
  sinks: ReadonlyMap<string, Sink>,
): readonly string[] {
  if (notification.data === null || notification.subscriptionId === '') return [];
  if (sinkId === null) return notification.sinkIds.filter((id) => sinks.has(id));
  const sink = sinks.get(sinkId);
  if (sink === undefined) return [];
  return wants(sink, notification, readItem(notification.data)) ? [sinkId] : [];
}
