import type { Clock } from '../../ports/clock.ts';
import type { Hint, JobKind, JobResult, LaneLimit, Worker } from '../../ports/job-queue.ts';
import type { Log } from '../../ports/log.ts';
import { LaneAlarm } from './lane-alarm.ts';
import type { LaneJobs, TakenJob } from './lane-jobs.ts';
import { keyOf, Outbox, type Room } from './outbox.ts';
import type { Trouble } from './trouble.ts';

interface LaneDeps {
  readonly kind: JobKind;
  readonly name: string;
  readonly jobs: LaneJobs;
  readonly clock: Clock;
  readonly log: Log;
  readonly trouble: Trouble;
  readonly room: Room;
  readonly maxHints: number;
  /** The worker of the kind, once there is one. */
  readonly worker: () => Worker | undefined;
}

interface Run {
  readonly job: TakenJob;
  /**
   * What was hinted of this id meanwhile, to be added when it has ended. Only this instance is
   * kept from working an id twice at a time: between instances the store's claim decides.
   */
  readonly behind: Map<string, Hint>;
}

const AFTER_A_BUG: LaneLimit = { concurrency: 0, waitMs: 1000 };

/** One lane, as this instance sees it: brings its hints to Redis, and works jobs as it is allowed. */
export class HintLane {
  readonly kind: JobKind;
  readonly name: string;
  readonly #deps: LaneDeps;
  readonly #outbox: Outbox;
  readonly #alarm: LaneAlarm;
  readonly #runs = new Map<string, Run>();
  readonly #handling = new Set<Promise<unknown>>();
  readonly #pending = new Set<Promise<unknown>>();
  /** What waits at the server: read anew again and again, and reckoned in between. */
  #waiting = 0;
  #delayed = 0;
  /** How many are held by other instances, which may be gone. */
  #elsewhere = 0;
  #taking = 0;
  /** Whether there may be a job that is due, beyond those known to wait. */
  #probing = false;
  #dropped = false;
  #closed = false;

  constructor(deps: LaneDeps) {
    this.kind = deps.kind;
    this.name = deps.name;
    this.#deps = deps;
    this.#outbox = new Outbox(deps.room, (hints) => this.#send(hints));
    this.#alarm = new LaneAlarm(deps.clock, () => this.probe());
  }

  get active(): number {
    return this.#runs.size;
  }

  get delayed(): number {
    return this.#delayed;
  }

  get waiting(): number {
    let behind = 0;
    for (const run of this.#runs.values()) behind += run.behind.size;
    return this.#waiting + this.#outbox.size + behind;
  }

  get size(): number {
    return this.waiting + this.delayed + this.active;
  }

  /** Whether there is anything in it, for any instance. */
  get inUse(): boolean {
    return this.size + this.#elsewhere > 0;
  }

  /** Adds a hint, or notes that there was no room for it; nothing starts inside the call. */
  add(hint: Hint, now: number): void {
    const behind = this.#runs.get(hint.id)?.behind;
    if (!this.#fits(hint, now)) this.#dropped = true;
    else if (behind !== undefined) behind.set(keyOf(hint), hint);
    else if (!this.#outbox.add(hint)) this.#dropped = true;
  }

  /** Half of a lane at most waits for its time: retries never keep out what is due. */
  #fits({ dueAt }: Hint, now: number): boolean {
    const { maxHints } = this.#deps;
    return this.size < maxHints && (dueAt <= now || this.#delayed < Math.ceil(maxHints / 2));
  }

  /** Lets the lane be asked again for its limit, whatever it said. */
  wake(): void {
    this.#alarm.open();
    this.probe();
  }

  /** Looks whether there is a job that is due, and starts what may start. */
  probe(): void {
    this.#probing = true;
    this.#pump();
  }

  /** Reads from the server what there is, and keeps the jobs that run ours. */
  async look(): Promise<void> {
    const { jobs, trouble } = this.#deps;
    try {
      const running = [...this.#runs.values()].map(({ job }) => job);
      const [counts] = await Promise.all([jobs.counts(), jobs.hold(running)]);
      this.#waiting = counts.waiting;
      this.#delayed = counts.delayed;
      // A job of another instance may be due, and that instance gone.
      this.#probing ||= counts.delayed > 0;
      this.#pump();
      this.#askForMore();
      this.#elsewhere = Math.max(0, counts.active - this.#runs.size);
      if (counts.active > 0 && (await jobs.rescue()) > 0) this.probe();
    } catch (err) {
      trouble(err, 'Redis does not tell what there is to do');
    }
  }

  /** Begins nothing more, and resolves when no handler runs. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#outbox.clear();
    this.#alarm.stop();
    await Promise.all(this.#handling);
  }

  /** Resolves when Redis was told of everything that has ended, or has failed. */
  async settled(): Promise<void> {
    await Promise.all([...this.#pending, this.#outbox.settled()]);
  }

  async #send(hints: readonly Hint[]): Promise<boolean> {
    const { clock, jobs, trouble } = this.#deps;
    const now = clock.now();
    try {
      await jobs.add(hints, now);
    } catch (err) {
      trouble(err, 'hints are lost, and found by the sweep');
      this.#dropped = true;
      return false;
    }
    const later = hints.filter(({ dueAt }) => dueAt > now);
    this.#delayed += later.length;
    this.#waiting += hints.length - later.length;
    for (const { dueAt } of later) this.#alarm.ringAt(dueAt);
    this.#pump();
    return true;
  }

  #pump(): void {
    const worker = this.#deps.worker();
    if (worker === undefined || this.#closed) return;
    while (this.#taking < Math.max(this.#waiting, Number(this.#probing))) {
      if (!this.#mayStart(worker, this.#taking)) break;
      this.#taking += 1;
      void track(this.#pending, this.#take(worker));
    }
  }

  /** Whether one more may start when `before` others that are being taken have started. */
  #mayStart(worker: Worker, before: number): boolean {
    if (this.#closed || this.#alarm.shut) return false;
    const { concurrency, waitMs } = this.#limitOf(worker);
    if (waitMs > 0) this.#alarm.shutFor(waitMs);
    return waitMs <= 0 && this.#runs.size + before < concurrency;
  }

  #limitOf(worker: Worker): LaneLimit {
    try {
      return worker.lane(this.name);
    } catch (err) {
      this.#logBug(err, 'a lane could not be limited');
      return AFTER_A_BUG;
    }
  }

  async #take(worker: Worker): Promise<void> {
    try {
      const taken = await this.#deps.jobs.take();
      this.#taking -= 1;
      if ('hint' in taken) await this.#taken(worker, taken);
      else this.#ranOut(taken.nextAt);
    } catch (err) {
      this.#taking -= 1;
      this.#deps.trouble(err, 'a job could not be taken');
    }
  }

  #ranOut(nextAt: number | undefined): void {
    this.#waiting = 0;
    this.#probing = false;
    if (nextAt !== undefined) this.#alarm.ringAt(nextAt);
    this.#askForMore();
  }

  async #taken(worker: Worker, job: TakenJob): Promise<void> {
    if (this.#waiting > 0) this.#waiting -= 1;
    else this.#delayed = Math.max(0, this.#delayed - 1);
    this.#probing = true;
    const running = this.#runs.get(job.hint.id);
    if (running !== undefined) {
      running.behind.set(keyOf(job.hint), job.hint);
      this.#pump();
      await job.done();
    } else if (this.#mayStart(worker, 0)) {
      this.#start(worker, job);
      this.#pump();
    } else {
      // What was taken at the same time has used up what the lane allowed.
      this.#waiting += 1;
      await job.giveBack();
    }
  }

  #start(worker: Worker, job: TakenJob): void {
    const run: Run = { job, behind: new Map() };
    this.#runs.set(job.hint.id, run);
    const handled = track(this.#handling, this.#handle(worker, job.hint));
    void track(this.#pending, this.#finish(run, handled));
  }

  async #handle(worker: Worker, hint: Hint): Promise<JobResult> {
    try {
      return await worker.handle(hint);
    } catch (err) {
      this.#logBug(err, 'a job failed; the sweep finds its row');
      return undefined;
    }
  }

  async #finish({ job, behind }: Run, handled: Promise<JobResult>): Promise<void> {
    const result = await handled;
    try {
      // Hinted again meanwhile, it is called again by that, and asking for it twice adds nothing.
      if (result === undefined || behind.has(keyOf(job.hint))) await job.done();
      else await this.#putOff(job, result.again);
    } catch (err) {
      // The job comes back when its lock has ended, and finds that its row has changed.
      this.#deps.trouble(err, 'a job could not be ended');
    }
    this.#runs.delete(job.hint.id);
    if (this.#closed) return;
    const now = this.#deps.clock.now();
    for (const hint of behind.values()) this.add(hint, now);
    this.#pump();
  }

  async #putOff(job: TakenJob, ms: number): Promise<void> {
    // Later than now even for 0, or a handler that never waits would stop everything else.
    const dueAt = this.#deps.clock.now() + Math.max(1, ms);
    await job.putOff(dueAt);
    this.#delayed += 1;
    this.#alarm.ringAt(dueAt);
  }

  /** Nothing is left to start, so hints that were dropped are missing now. */
  #askForMore(): void {
    const worker = this.#deps.worker();
    if (worker === undefined || !this.#dropped || this.#closed) return;
    if (this.waiting > 0 || this.size >= this.#deps.maxHints) return;
    this.#dropped = false;
    try {
      worker.drained(this.name);
    } catch (err) {
      this.#logBug(err, 'a lane could not be filled again');
    }
  }

  #logBug(err: unknown, message: string): void {
    this.#deps.log.error({ err, kind: this.kind, lane: this.name }, message);
  }
}

/** Keeps a promise that never rejects among those of its kind until it is settled. */
function track<T>(set: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  set.add(promise);
  void promise.finally(() => set.delete(promise));
  return promise;
}
