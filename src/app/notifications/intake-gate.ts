import { OverloadedError, UnavailableError } from '../../domain/errors.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { DiskSpace } from '../../ports/disk-space.ts';
import type { Inbox } from '../../ports/inbox.ts';
import type { Log } from '../../ports/log.ts';

export interface IntakeLimits {
  readonly maxBytesInFlight: number;
  readonly maxBacklogReceipts: number;
  readonly minFreeBytes: number;
}

/** One POST's share of what may be in flight. */
export interface IntakePass {
  /** Counts bytes that are kept for it; throws `OverloadedError` when they are too many. */
  add(bytes: number): void;
  /**
   * Resolves when what was counted may be read and judged. Rejects with `UnavailableError` at
   * `deadline` (epoch ms).
   */
  turn(deadline: number): Promise<void>;
  /** Gives everything back; once the answer is known. */
  leave(): void;
}

/**
 * Refuses at once what could not be held: too many bytes in flight, too many receipts waiting, too
 * little free disk. Graph sends it again, with patience; memory and disk have none.
 */
export interface IntakeGate {
  /** Lets a POST in; throws `OverloadedError`. */
  enter(): IntakePass;
  freeDiskBytes(): number;
  /** POSTs that were let in and have not left. */
  postsInFlight(): number;
  /** Asks for free disk no more. */
  stop(): void;
}

const RETRY_AFTER_MS = 5000;
// A body costs some six times its length from when it is read until it is stored: text, values, rows.
const MAX_SHARE_JUDGED = 1 / 8;
const ASK_DISK_EVERY_MS = 1000;

export function createIntakeGate(deps: {
  inbox: Inbox;
  disk: DiskSpace;
  clock: Clock;
  log: Log;
  limits: IntakeLimits;
}): IntakeGate {
  const { inbox, limits } = deps;
  const { freeDiskBytes, stop } = watchDisk(deps);
  const turns = createTurns(deps.clock, limits.maxBytesInFlight * MAX_SHARE_JUDGED);
  let bytesInFlight = 0;
  let postsInFlight = 0;

  return {
    freeDiskBytes,
    stop,
    postsInFlight: () => postsInFlight,
    enter() {
      if (inbox.backlog().receipts >= limits.maxBacklogReceipts) refuse('The inbox is full');
      if (freeDiskBytes() < limits.minFreeBytes) refuse('The disk is almost full');
      postsInFlight += 1;
      let held = 0;
      let inside = true;
      let endTurn: (() => void) | undefined;
      return {
        add(bytes) {
          if (bytesInFlight + bytes > limits.maxBytesInFlight) refuse('Too much is in flight');
          bytesInFlight += bytes;
          held += bytes;
        },
        async turn(deadline) {
          endTurn = await turns.take(held, deadline);
        },
        leave() {
          if (!inside) return;
          inside = false;
          endTurn?.();
          postsInFlight -= 1;
          bytesInFlight -= held;
          held = 0;
        },
      };
    },
  };
}

interface Waiting {
  readonly bytes: number;
  readonly begin: () => void;
}

/** Lets bytes pass in the order of their coming, so many at a time, or one POST that is larger. */
function createTurns(clock: Clock, maxBytes: number) {
  const waiting: Waiting[] = [];
  let taken = 0;

  function fits(bytes: number): boolean {
    return taken === 0 || taken + bytes <= maxBytes;
  }

  function letIn(): void {
    for (let next = waiting[0]; next !== undefined && fits(next.bytes); next = waiting[0]) {
      waiting.shift();
      taken += next.bytes;
      // Not at once: judging is work of this thread, and a whole row of bodies would be judged before
      // any timer, and so any deadline, or another request.
      clock.after(0, next.begin);
    }
  }

  function end(bytes: number): void {
    taken -= bytes;
    letIn();
  }

  function wait(bytes: number, deadline: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => reject(new UnavailableError('Others were judged until the deadline'));
    const own: Waiting = {
      bytes,
      begin() {
        if (clock.now() < deadline) return resolve();
        end(bytes);
        giveUp();
      },
    };
    waiting.push(own);
    const cancel = clock.after(Math.max(0, deadline - clock.now()), () => {
      const at = waiting.indexOf(own);
      if (at === -1) return; // about to begin
      waiting.splice(at, 1);
      letIn(); // those behind it may be smaller
      giveUp();
    });
    return promise.finally(cancel);
  }

  return {
    /** Resolves with what ends the turn. */
    async take(bytes: number, deadline: number): Promise<() => void> {
      if (waiting.length > 0 || !fits(bytes)) await wait(bytes, deadline);
      else taken += bytes;
      return () => end(bytes);
    },
  };
}

/** Asks once a second, one question at a time: on a disk that hangs the last answer stands. */
function watchDisk(deps: { disk: DiskSpace; clock: Clock; log: Log }) {
  let cancel: Cancel | undefined;
  let stopped = false;
  let freeBytes = Number.POSITIVE_INFINITY;

  function ask(): void {
    deps.disk
      .freeBytes()
      .then((bytes) => {
        freeBytes = bytes;
      })
      .catch((err: unknown) => deps.log.warn({ err }, 'free disk space is not known'))
      .finally(() => {
        if (!stopped) cancel = deps.clock.after(ASK_DISK_EVERY_MS, ask);
      });
  }

  ask();
  return {
    freeDiskBytes: () => freeBytes,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

function refuse(why: string): never {
  throw new OverloadedError(why, { retryAfterMs: RETRY_AFTER_MS });
}
