import { randomUUID } from 'node:crypto';
import { createRedisBackend, Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Hint, JobKind } from '../../ports/job-queue.ts';

/** A job that is ours until it is done, given back or put off; none of these may be called twice. */
export interface TakenJob {
  readonly id: string;
  readonly token: string;
  readonly hint: Hint;
  done(): Promise<unknown>;
  giveBack(): Promise<unknown>;
  /** Lets it be taken again at `dueAt`, epoch milliseconds. */
  putOff(dueAt: number): Promise<unknown>;
}

/** What the server holds of a lane, for all instances; `active` counts those of dead ones too. */
export interface LaneCounts {
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
}

// The job of an instance that is gone, or whose taking was answered too late, comes back when its
// lock has ended, and until then swallows hints of its id. Short, because a lock that ends too soon
// costs nothing: the store's claim decides who works.
const LOCK_MS = 4000;
const RESCUE_EVERY_MS = 2000;
// A kept job would silently swallow a new one of its id; trying again is the store's business.
const NOT_KEPT = { attempts: 1, removeOnComplete: true, removeOnFail: true };
const KEPT_EVENTS = 100;

const JobData = z.object({ id: z.string(), generation: z.int(), dueAt: z.number() });

/**
 * The BullMQ queue of one lane. Jobs are fetched by hand: a lane is asked before each start, and
 * a worker that blocks at the server would need a connection for each lane. Everything rejects
 * when Redis fails; nothing here waits longer than a command of the client may.
 */
export class LaneJobs {
  readonly #kind: JobKind;
  readonly #lane: string;
  readonly #redis: Redis;
  readonly #queue: Queue;
  readonly #worker: Worker;
  readonly #instance = randomUUID();
  #taken = 0;

  constructor(deps: { redis: Redis; prefix: string; kind: JobKind; lane: string }) {
    this.#kind = deps.kind;
    this.#lane = deps.lane;
    this.#redis = deps.redis;
    const name = `${deps.kind}-${plain(deps.lane)}`;
    // Without the version check, which is asked once: failing then, a queue would fail for ever.
    const options = {
      connection: deps.redis,
      prefix: deps.prefix,
      skipVersionCheck: true,
      skipWaitingForReady: true,
    };
    this.#queue = new Queue(name, { ...options, streams: { events: { maxLen: KEPT_EVENTS } } });
    this.#worker = new Worker(
      name,
      undefined,
      { ...options, autorun: false, lockDuration: LOCK_MS, stalledInterval: RESCUE_EVERY_MS },
      // As the default, less its connection that blocks.
      (queue, given) => createRedisBackend(queue, given),
    );
    // Whoever asks gets the error; without a listener BullMQ writes it to the console.
    this.#queue.on('error', () => undefined);
    this.#worker.on('error', () => undefined);
  }

  /** Adds hints; one whose id and generation are there already adds nothing. */
  async add(hints: readonly Hint[], now: number): Promise<void> {
    await this.#queue.addBulk(
      hints.map(({ id, generation, dueAt }) => ({
        name: this.#kind,
        data: { id, generation, dueAt },
        opts: {
          ...NOT_KEPT,
          jobId: `${plain(id)}_${generation}`,
          timestamp: now,
          delay: Math.max(0, dueAt - now),
        },
      })),
    );
  }

  /** Takes the next job that is due; else tells when the next one will be, epoch milliseconds. */
  async take(): Promise<TakenJob | { readonly nextAt: number | undefined }> {
    this.#taken += 1;
    const token = `${this.#instance}:${this.#taken}`;
    const [json, id, , nextAt] = await this.#worker.getBackend().moveToActive(token);
    if (!json) return { nextAt: z.int().positive().optional().catch(undefined).parse(nextAt) };
    // Whatever it was made with, or a job that lost its options would be kept.
    const once = { ...json, opts: NOT_KEPT };
    const job = Job.fromJSON<unknown>(this.#worker, once, z.string().parse(id));
    const data = JobData.safeParse(job.data);
    const done = () => job.moveToCompleted(undefined, token, false);
    if (!data.success) {
      await done();
      throw new Error('a job that is no hint was removed', { cause: data.error });
    }
    return {
      id: z.string().parse(job.id),
      token,
      hint: { kind: this.#kind, lane: this.#lane, ...data.data },
      done,
      giveBack: () => job.moveToWait(token),
      putOff: (dueAt) => job.moveToDelayed(dueAt, token),
    };
  }

  /** Keeps jobs ours for as long as this is called at least every few seconds. */
  async hold(jobs: readonly TakenJob[]): Promise<void> {
    if (jobs.length === 0) return;
    const tokens = jobs.map(({ token }) => token);
    await this.#worker.extendJobLocks(
      jobs.map(({ id }) => id),
      tokens,
      LOCK_MS,
    );
  }

  /** Makes jobs wait again that nobody holds any more, and says how many; works by being repeated. */
  async rescue(): Promise<number> {
    return (await this.#worker.getBackend().moveStalledJobsToWait()).length;
  }

  async counts(): Promise<LaneCounts> {
    const counts = await this.#queue.getJobCounts('wait', 'delayed', 'active');
    return {
      waiting: counts['wait'] ?? 0,
      delayed: counts['delayed'] ?? 0,
      active: counts['active'] ?? 0,
    };
  }

  /** Keeps the events few: BullMQ says so once, which a Redis that was emptied has forgotten. */
  async boundEvents(): Promise<void> {
    const { meta } = this.#queue.keys;
    if (meta !== undefined) await this.#redis.hset(meta, 'opts.maxLenEvents', KEPT_EVENTS);
  }

  /**
   * Removes what BullMQ keeps of a queue without jobs, or sinks that come and go would fill Redis.
   * Should somebody use it at this moment, BullMQ writes it anew.
   */
  async forget(): Promise<void> {
    const { id, meta, events, marker } = this.#queue.keys;
    await this.#redis.del([id, meta, events, marker].filter((key) => key !== undefined));
  }

  /** Lets go of the client, which stays open. */
  async close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#worker.close()]);
  }
}

/** Without the colons that BullMQ forbids; two names never become the same. */
function plain(name: string): string {
  return name.replaceAll(
    /[^\w.~-]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
