import type { Cancel, Clock } from '../../ports/clock.ts';
import type { Hint, JobKind, JobResult, LaneLimit, Worker } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import { LaneHints } from './lane-hints.ts';

/** How many hints there are, over all lanes, and whether a lane of some size may add one. */
export interface Room {
  taken: number;
  fits(laneSize: number): boolean;
  /** Whether a lane with so many hints that wait for their time may add another one of these. */
  fitsDelayed(delayed: number): boolean;
}

interface LaneDeps {
  readonly kind: JobKind;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly room: Room;
  /** The worker of the kind, once there is one. */
  readonly worker: () => Worker | undefined;
  /** Called when the last hint of the lane has ended. */
  readonly onIdle: () => void;
}

// A timer of Node's cannot be set further ahead than 25 days and then rings at once.
const LONGEST_TIMER_MS = 86_400_000;
const AFTER_A_BUG: LaneLimit = { concurrency: 0, waitMs: 1_000 };

/** Starts the hints of one lane, as far as its worker allows, with one timer at most. */
export class JobLane {
  readonly hints = new LaneHints();
  readonly #deps: LaneDeps;
  readonly #runs = new Set<Promise<void>>();
  #alarm: { readonly at: number; readonly cancel: Cancel } | undefined;
  /** Until when the worker is not asked again. */
  #shutUntil: number | undefined;
  #dropped = false;
  #closed = false;

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  /** Adds a hint, or notes that there was no room for it. Starts nothing: `pump` does. */
  add(hint: Hint, now: number): void {
    if (this.hints.isWaiting(hint)) return;
    if (!this.#fits(hint, now)) {
      this.#dropped = true;
      return;
    }
    this.#deps.room.taken += 1;
    this.hints.add(hint, hint.dueAt, now);
  }

  #fits({ dueAt }: Hint, now: number): boolean {
    const { room } = this.#deps;
    return room.fits(this.hints.size) && (dueAt <= now || room.fitsDelayed(this.hints.delayed));
  }

  /** Lets the next `pump` ask the worker again, whatever it said. */
  reopen(): void {
    this.#shutUntil = undefined;
  }

  /** Starts what may start now, and sets the timer for what may later. */
  pump(): void {
    const worker = this.#deps.worker();
    if (worker === undefined || this.#closed) return;
    this.hints.promote(this.#deps.clock.now());
    for (let hint = this.hints.next(); hint !== undefined; hint = this.hints.next()) {
      if (!this.#mayStart(worker)) break;
      this.#start(worker, hint);
    }
    this.#askForMore(worker);
    this.#setAlarm(this.#shutUntil ?? this.hints.nextDueAt);
  }

  /** Drops what waits; resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#dropped = false;
    this.reopen();
    this.hints.dropWaiting();
    this.#setAlarm(undefined);
    await Promise.all(this.#runs);
  }

  #mayStart(worker: Worker): boolean {
    if (this.#closed || this.#shutUntil !== undefined) return false;
    const { concurrency, waitMs } = this.#limitOf(worker);
    if (waitMs > 0) this.#shutUntil = this.#deps.clock.now() + waitMs;
    return waitMs <= 0 && this.hints.active < concurrency;
  }

  #limitOf(worker: Worker): LaneLimit {
    try {
      return worker.lane(this.#deps.name);
    } catch (err) {
      this.#logBug(err, 'a lane could not be limited');
      return AFTER_A_BUG;
    }
  }

  #start(worker: Worker, hint: Hint): void {
    this.hints.started(hint);
    const run = this.#run(worker, hint);
    this.#runs.add(run);
    void run.finally(() => this.#runs.delete(run));
  }

  async #run(worker: Worker, hint: Hint): Promise<void> {
    const result = await this.#handle(worker, hint);
    this.hints.ended(hint);
    // Hinted again meanwhile, it is called again by that, and asking for it twice adds nothing.
    if (result === undefined || this.#closed || this.hints.isWaiting(hint)) {
      this.#deps.room.taken -= 1;
    } else {
      const now = this.#deps.clock.now();
      // By way of a timer even for 0, or a handler that never waits would stop everything else.
      this.hints.add(hint, now + Math.max(1, result.again), now);
    }
    this.pump();
    if (this.hints.size === 0) this.#deps.onIdle();
  }

  async #handle(worker: Worker, hint: Hint): Promise<JobResult> {
    try {
      return await worker.handle(hint);
    } catch (err) {
      this.#logBug(err, 'a job failed; the sweep finds its row');
      return undefined;
    }
  }

  /** Nothing is left to start, so hints that were dropped are missing now. */
  #askForMore(worker: Worker): void {
    if (!this.#dropped || this.hints.next() !== undefined) return;
    if (!this.#deps.room.fits(this.hints.size)) return;
    this.#dropped = false;
    try {
      worker.drained(this.#deps.name);
    } catch (err) {
      this.#logBug(err, 'a lane could not be filled again');
    }
  }

  #setAlarm(at: number | undefined): void {
    if (this.#alarm?.at === at) return;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (at === undefined) return;
    const ms = Math.min(Math.max(1, at - this.#deps.clock.now()), LONGEST_TIMER_MS);
    const cancel = this.#deps.clock.after(ms, () => {
      this.#alarm = undefined;
      this.reopen();
      this.pump();
    });
    this.#alarm = { at, cancel };
  }

  #logBug(err: unknown, message: string): void {
    this.#deps.log.error({ err, kind: this.#deps.kind, lane: this.#deps.name }, message);
  }
}
