import type { Sink } from '../../domain/delivery/sink.ts';
import {
  IDLE_LANE,
  laneBegan,
  laneEnded,
  laneForgiven,
  laneLimit,
  laneOpen,
  type Lane,
} from '../../domain/delivery/lane.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LaneLimit } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import type { NotificationSink, SinkFactory } from '../../ports/notification-sink.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { openTarget } from './sink-secrets.ts';

/** A sink with its lane in this instance: what it may do now, and the way to it. */
export interface SinkLane {
  readonly sink: Sink;
  readonly lane: Lane;
  /** Rises when the lane begins anew: a try that began before says nothing about it. */
  readonly era: number;
  /** `undefined` when its secrets cannot be opened: nothing can be delivered then. */
  readonly destination: NotificationSink | undefined;
  /** While it is about to be disabled: until then it stays shut, whatever an older read says. */
  readonly shutUntil?: number;
}

/** The sinks of this instance, at most one sweep (5 s) old, each with its lane. */
export interface Lanes {
  /** Reads the sinks anew. Concurrent callers share a read that began after they asked. */
  refresh(): Promise<readonly Sink[]>;
  find(sinkId: string): SinkLane | undefined;
  /** Sinks that something may be delivered to now: enabled, and not failing. */
  open(): readonly Sink[];
  limit(sinkId: string): LaneLimit;
  began(sinkId: string): void;
  /** Begins nothing more until the sinks are read anew: this one is about to be disabled. */
  shut(sinkId: string): void;
  /**
   * How a try ended that began in this era of its lane; one that was refused for good means that the
   * sink answers.
   */
  ended(sinkId: string, succeeded: boolean, era: number): void;
}

// One whose sink is not known here (any more): its handler finds out and drops the hint.
// Should the disabling fail, the next try says again that the sink is gone.
const SHUT_MS = 30_000;
const UNKNOWN: LaneLimit = { concurrency: 20, waitMs: 0 };
// Another instance takes what is due for it: perhaps that one has what its secrets need.
const ELSEWHERE: LaneLimit = { concurrency: 0, waitMs: 0 };

export function createLanes(deps: {
  sinks: SinkRepository;
  cipher: Cipher;
  openSink: SinkFactory;
  clock: Clock;
  log: Log;
  /** Whether a sink can be reached from this instance; a listener's from one alone. */
  isHere?: (sink: Sink) => boolean;
  /** Whether no other instance can take what this one cannot. */
  exclusive?: boolean;
  /** Told when a sink began to fail, and when it answers again. */
  turned: (sink: Sink, to: 'failing' | 'answering') => void;
}): Lanes {
  const { clock, log, isHere = () => true, exclusive = true } = deps;
  const lanes = new Map<string, SinkLane>();
  let reading: Promise<readonly Sink[]> = Promise.resolve([]);
  let next: Promise<readonly Sink[]> | undefined;

  function refresh(): Promise<readonly Sink[]> {
    // Whoever asks now must see what is in the store now: the read under way may have begun before.
    next ??= reading
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        reading = read();
        return reading;
      });
    return next;
  }

  async function read(): Promise<readonly Sink[]> {
    const sinks = await deps.sinks.all();
    const ids = new Set(sinks.map(({ id }) => id));
    for (const id of lanes.keys()) if (!ids.has(id)) lanes.delete(id);
    for (const sink of sinks) update(sink);
    return sinks;
  }

  function update(sink: Sink): void {
    const known = lanes.get(sink.id);
    // The store gives what has not changed as the same value: of thousands hardly any has.
    if (known?.sink === sink && known.destination !== undefined) return;
    const same = known !== undefined && isSameTarget(known.sink, sink);
    // A read that began before the disabling was written must not open the lane again.
    const { shutUntil } = known ?? {};
    const shut = shutUntil !== undefined && clock.now() < shutUntil && isUnchanged(known, sink);
    if (shut) return;
    // One that leads elsewhere now, or is to be tried again, need not wait for the next probe.
    const anew = !same || isToBeTried(sink);
    const { lane = IDLE_LANE, era = 0 } = known ?? {};
    lanes.set(sink.id, {
      sink,
      lane: anew ? laneForgiven(lane) : lane,
      era: era + Number(anew),
      destination: (same ? known.destination : undefined) ?? openDestination(sink),
    });
  }

  function openDestination(sink: Sink): NotificationSink | undefined {
    try {
      return deps.openSink(openTarget(sink, deps.cipher, clock.now()));
    } catch (err) {
      log.error({ err, sink: sink.id }, 'the secrets of a sink cannot be opened');
      return undefined;
    }
  }

  function change(sinkId: string, to: (lane: Lane) => Lane): void {
    const known = lanes.get(sinkId);
    if (known === undefined) return;
    const lane = to(known.lane);
    lanes.set(sinkId, { ...known, lane });
    const [from, now] = [known.lane.breaker.state, lane.breaker.state];
    if (from === now) return;
    log.info({ sink: sinkId, from, to: now }, 'breaker');
    if (from === 'closed') deps.turned(known.sink, 'failing');
    if (now === 'closed') deps.turned(known.sink, 'answering');
  }

  return {
    refresh,
    find: (sinkId) => lanes.get(sinkId),
    open: () =>
      [...lanes.values()]
        .filter(({ sink, lane, destination }) => {
          const canGo = sink.enabled && destination !== undefined && isHere(sink);
          return canGo && !laneOpen(lane, clock.now());
        })
        .map(({ sink }) => sink),
    limit(sinkId) {
      const known = lanes.get(sinkId);
      if (known === undefined) return UNKNOWN;
      const canGo = isHere(known.sink) && (exclusive || known.destination !== undefined);
      return canGo ? laneLimit(known.lane, known.sink, clock.now()) : ELSEWHERE;
    },
    shut(sinkId) {
      const known = lanes.get(sinkId);
      if (known !== undefined) {
        const shutUntil = clock.now() + SHUT_MS;
        lanes.set(sinkId, { ...known, sink: { ...known.sink, enabled: false }, shutUntil });
      }
    },
    began: (sinkId) => change(sinkId, (lane) => laneBegan(lane, clock.now())),
    ended(sinkId, succeeded, era) {
      if (!succeeded && lanes.get(sinkId)?.era !== era) return;
      change(sinkId, (lane) => laneEnded(lane, succeeded, clock.now()));
    },
  };
}

function isUnchanged(known: SinkLane | undefined, { enabled, updatedAt }: Sink): boolean {
  return enabled && known?.sink.updatedAt === updatedAt;
}

/**
 * Whether nobody says of a sink that has changed that it fails. Enabling says so, and so does another
 * instance that got an answer. That it was disabled before may not have been seen: both changes can
 * come between two reads.
 */
function isToBeTried({ enabled, failingSince }: Sink): boolean {
  return enabled && failingSince === null;
}

/** By what it consists of, as two changes may have one time. */
function isSameTarget(a: Sink, b: Sink): boolean {
  return targetOf(a) === targetOf(b);
}

function targetOf({ url, stream, collection, secrets, headers }: Sink): string {
  return JSON.stringify([url, stream, collection, secrets, headers]);
}
