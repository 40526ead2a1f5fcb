import type { Redis } from 'ioredis';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { JobKind, JobQueue, Worker } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import { HintLane } from './hint-lane.ts';
import { LaneJobs } from './lane-jobs.ts';
import { createLaneList } from './lane-list.ts';
import type { Room } from './outbox.ts';
import { createTrouble } from './trouble.ts';

const HORIZON_MS = 60_000;
const ROUND_MS = 1000;
// Lanes are looked at in each round while they are in use, else in every fifth.
const IN_USE_MS = 3000;
const SLOW_ROUND = 5;
const IDLE_MS = 300_000;
const CLOSE_MS = 3000;
// A command may take as long to fail as its time limit, and another round to be asked again.
const TROUBLED_MS = 4000;

interface OpenLane {
  readonly lane: HintLane;
  readonly jobs: LaneJobs;
  /** When there was something in it here, or it was hinted by any instance. */
  usedAt: number;
  /** Whether the other instances are to be told that it was hinted here. */
  hinted: boolean;
}

/**
 * Brings hints to the workers of all instances by BullMQ, a queue for each lane. Redis may lose
 * everything at any time: hints that it does not take are dropped, and what it holds is read anew
 * every second, so that all is as before within seconds of its return.
 *
 * Of one lane it keeps `maxPerLane` hints, over all instances and about; `maxOnTheirWay` hints of
 * all lanes wait for Redis to take them.
 *
 * `connect.commands()` gives a client of the queue's own whose commands fail at once without a
 * connection, and within its `commandTimeout` when Redis hangs. Everything goes over this one, and
 * so is done in the order in which it was asked for.
 */
export function createBullmqJobQueue(deps: {
  connect: { commands(): Redis };
  clock: Clock;
  log: Log;
  prefix: string;
  maxPerLane?: number;
  maxOnTheirWay?: number;
}): JobQueue {
  const { clock, log, prefix } = deps;
  const redis = deps.connect.commands();
  const logTrouble = createTrouble(deps);
  const list = createLaneList({ redis, prefix, keptMs: IDLE_MS });
  const room: Room = { taken: 0, max: deps.maxOnTheirWay ?? 20_000 };
  const lanes: Record<JobKind, Map<string, OpenLane>> = { expand: new Map(), deliver: new Map() };
  const workers: Partial<Record<JobKind, Worker>> = {};
  let round = 0;
  let rounding: Promise<void> | undefined;
  let cancelRound: Cancel | undefined;
  let closing: Promise<void> | undefined;
  let troubledAt: number | undefined;

  function trouble(err: unknown, message: string): void {
    troubledAt = clock.now();
    logTrouble(err, message);
  }

  if (redis.status === 'wait') {
    redis.connect().catch((err: unknown) => trouble(err, 'Redis is out of reach'));
  }
  scheduleRound();

  function laneOf(kind: JobKind, name: string): OpenLane {
    const known = lanes[kind].get(name);
    if (known !== undefined) return known;
    const jobs = new LaneJobs({ redis, prefix, kind, lane: name });
    const maxHints = deps.maxPerLane ?? 2000;
    const worker = () => workers[kind];
    const lane = new HintLane({ kind, name, jobs, clock, log, trouble, room, maxHints, worker });
    const open: OpenLane = { lane, jobs, usedAt: clock.now(), hinted: false };
    lanes[kind].set(name, open);
    return open;
  }

  const allLanes = () => [...lanes.expand.values(), ...lanes.deliver.values()];

  function scheduleRound(): void {
    cancelRound = clock.after(ROUND_MS, () => {
      rounding = goRound().then(() => {
        if (closing === undefined) scheduleRound();
      });
    });
  }

  async function goRound(): Promise<void> {
    const now = clock.now();
    const slow = round % SLOW_ROUND === 0;
    round += 1;
    for (const open of allLanes()) if (open.lane.inUse) open.usedAt = now;
    try {
      await shareLanes(now);
      for (const open of allLanes()) await closeIdle(open, now);
      if (slow) await Promise.all(allLanes().map(({ jobs }) => jobs.boundEvents()));
    } catch (err) {
      trouble(err, 'Redis does not tell what there is to do');
    }
    const inUse = allLanes().filter(({ usedAt }) => slow || now - usedAt < IN_USE_MS);
    await Promise.all(inUse.map(({ lane }) => lane.look()));
  }

  /** Tells the other instances which lanes are hinted here, and joins in with theirs. */
  async function shareLanes(now: number): Promise<void> {
    const hinted = allLanes().filter((open) => open.hinted);
    await list.add(
      hinted.map(({ lane, usedAt }) => ({ kind: lane.kind, lane: lane.name, hintedAt: usedAt })),
    );
    for (const open of hinted) open.hinted = false;
    for (const { kind, lane, hintedAt } of await list.read(now)) {
      if (closing !== undefined) return;
      const open = laneOf(kind, lane);
      open.usedAt = Math.max(open.usedAt, hintedAt);
    }
  }

  async function closeIdle({ lane, jobs, usedAt }: OpenLane, now: number): Promise<void> {
    if (now - usedAt < IDLE_MS || lane.inUse || closing !== undefined) return;
    lanes[lane.kind].delete(lane.name);
    await lane.stop();
    await jobs.close();
    await jobs.forget();
  }

  async function close(): Promise<void> {
    cancelRound?.();
    const open = allLanes();
    await Promise.all(open.map(({ lane }) => lane.stop()));
    // What ended is told to a Redis that answers; one that does not is left alone.
    const cancel = clock.after(CLOSE_MS, () => redis.disconnect());
    await Promise.all([rounding, ...open.map(({ lane }) => lane.settled())]);
    cancel();
    await Promise.all(open.map(({ jobs }) => jobs.close()));
    redis.disconnect();
    lanes.expand.clear();
    lanes.deliver.clear();
  }

  return {
    hint(hints) {
      if (closing !== undefined) return;
      const now = clock.now();
      for (const hint of hints) {
        if (hint.dueAt > now + HORIZON_MS) continue;
        const open = laneOf(hint.kind, hint.lane);
        open.usedAt = now;
        open.hinted = true;
        open.lane.add(hint, now);
      }
    },

    work(kind, worker) {
      workers[kind] = worker;
      for (const { lane } of lanes[kind].values()) lane.probe();
    },

    wake(kind) {
      for (const { lane } of lanes[kind].values()) lane.wake();
    },

    counts: () => ({ expand: countsOf(lanes.expand), deliver: countsOf(lanes.deliver) }),

    size: (kind, lane) => lanes[kind].get(lane)?.lane.size ?? 0,

    // Each round asks Redis, so that a trouble that lasts is noted again and again.
    isWorking: () => {
      const since = troubledAt === undefined ? Infinity : clock.now() - troubledAt;
      return since < 0 || since > TROUBLED_MS;
    },

    close() {
      closing ??= close();
      return closing;
    },
  };
}

function countsOf(lanes: ReadonlyMap<string, OpenLane>) {
  const sum = { waiting: 0, active: 0, delayed: 0 };
  for (const { lane } of lanes.values()) {
    sum.waiting += lane.waiting;
    sum.active += lane.active;
    sum.delayed += lane.delayed;
  }
  return sum;
}
