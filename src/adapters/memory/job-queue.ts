import type { Clock } from '../../ports/clock.ts';
import type { Hint, JobKind, JobQueue, Worker } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import { JobLane, type Room } from './job-lane.ts';

interface Kind {
  readonly lanes: Map<string, JobLane>;
  worker: Worker | undefined;
}

const HORIZON_MS = 60_000;
// The first hints of a lane fit even when there are `maxInAll`: else a few sinks that hang, each
// with its lane full, would keep out the hints of all others.
const ALWAYS_FIT = 50;

/**
 * Brings hints to workers inside this process. Everything is forgotten at exit and the sweep finds
 * it again. Of one lane it keeps `maxPerLane` hints, of all lanes of both kinds `maxInAll`, but for
 * the first 50 of each lane; those that run count. Half of a lane at most waits for its time, so
 * that the retries of a sink that fails now and then never keep out what is due.
 */
export function createMemoryJobQueue(deps: {
  clock: Clock;
  log: Log;
  maxPerLane?: number;
  maxInAll?: number;
}): JobQueue {
  const { clock, log } = deps;
  const kinds: Record<JobKind, Kind> = { expand: newKind(), deliver: newKind() };
  const room = createRoom(deps.maxPerLane ?? 2_000, deps.maxInAll ?? 20_000);
  const stirred = new Set<JobLane>();
  let closing: Promise<void> | undefined;

  function laneOf({ kind, lane: name }: Hint): JobLane {
    const { lanes } = kinds[kind];
    const known = lanes.get(name);
    if (known !== undefined) return known;
    const worker = () => kinds[kind].worker;
    const onIdle = () => lanes.delete(name);
    const lane = new JobLane({ kind, name, clock, log, room, worker, onIdle });
    lanes.set(name, lane);
    return lane;
  }

  /** Looks at a lane soon, but never inside the caller, and once for all hints of one turn. */
  function stir(lane: JobLane): void {
    if (stirred.size === 0) queueMicrotask(pumpStirred);
    stirred.add(lane);
  }

  function pumpStirred(): void {
    const lanes = [...stirred];
    stirred.clear();
    for (const lane of lanes) lane.pump();
  }

  async function closeLanes(): Promise<void> {
    const lanes = [...kinds.expand.lanes.values(), ...kinds.deliver.lanes.values()];
    await Promise.all(lanes.map((lane) => lane.close()));
  }

  return {
    hint(hints) {
      if (closing !== undefined) return;
      const now = clock.now();
      for (const hint of hints) {
        if (hint.dueAt > now + HORIZON_MS) continue;
        const lane = laneOf(hint);
        lane.add(hint, now);
        stir(lane);
      }
    },

    work(kind, worker) {
      kinds[kind].worker = worker;
      for (const lane of kinds[kind].lanes.values()) stir(lane);
    },

    wake(kind) {
      for (const lane of kinds[kind].lanes.values()) {
        lane.reopen();
        stir(lane);
      }
    },

    counts: () => ({ expand: countsOf(kinds.expand), deliver: countsOf(kinds.deliver) }),

    size: (kind, lane) => kinds[kind].lanes.get(lane)?.hints.size ?? 0,

    isWorking: () => true,

    close() {
      closing ??= closeLanes();
      return closing;
    },
  };
}

function newKind(): Kind {
  return { lanes: new Map(), worker: undefined };
}

function createRoom(maxPerLane: number, maxInAll: number): Room {
  const room: Room = {
    taken: 0,
    fits: (size) => size < maxPerLane && (size < ALWAYS_FIT || room.taken < maxInAll),
    fitsDelayed: (delayed) => delayed < Math.ceil(maxPerLane / 2),
  };
  return room;
}

function countsOf({ lanes }: Kind): { waiting: number; active: number; delayed: number } {
  const sum = { waiting: 0, active: 0, delayed: 0 };
  for (const { hints } of lanes.values()) {
    sum.waiting += hints.waiting;
    sum.active += hints.active;
    sum.delayed += hints.delayed;
  }
  return sum;
}
