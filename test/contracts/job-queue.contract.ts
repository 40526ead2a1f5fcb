import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Hint, JobQueue, JobResult, LaneLimit } from '../../src/ports/job-queue.ts';
import { until } from '../support/wait.ts';

export interface JobQueueHarness {
  readonly queue: JobQueue;
  /** Epoch milliseconds, as the queue sees them. */
  now(): number;
  /** Lets time pass for the queue: a fake clock is turned, a server is waited for. */
  elapse(ms: number): Promise<void>;
  /** Ends whatever the queue stands on; the queue is closed by then. */
  close(): Promise<void>;
}

interface Call {
  readonly hint: Hint;
  readonly at: number;
  /** Ends the call; one that nobody ends goes on until the test is over. */
  readonly end: (result?: JobResult) => void;
  readonly fail: (error: Error) => void;
}

// Which calls end at once; the others wait for their `end`.
const byHand = () => false;
const atOnce = () => true;

/** What `JobQueue` promises. Every adapter runs all of it; none opts out of a case. */
export function describeJobQueue(adapter: string, open: () => Promise<JobQueueHarness>): void {
  describe(`JobQueue contract: ${adapter}`, () => {
    let harness: JobQueueHarness;
    let queue: JobQueue;
    let lane: string;
    let calls: Call[];
    let limits: Map<string, LaneLimit>;
    let over: boolean;

    beforeEach(async () => {
      harness = await open();
      queue = harness.queue;
      lane = randomUUID();
      calls = [];
      limits = new Map();
      over = false;
    });
    afterEach(async () => {
      over = true;
      for (const call of calls) call.end();
      await queue.close();
      await harness.close();
    });

    /** A hint that is due now, for the test's lane. */
    const hintOf = (wanted: Partial<Hint> = {}): Hint => ({
      kind: 'deliver',
      id: randomUUID(),
      generation: 0,
      lane,
      dueAt: harness.now(),
      ...wanted,
    });
    const callsOf = ({ id }: Hint) => calls.filter(({ hint }) => hint.id === id);
    const callsOfLane = (name: string) => calls.filter(({ hint }) => hint.lane === name);
    const called = (hint: Hint, times = 1) =>
      until(() => callsOf(hint).length === times, `${times} calls of ${hint.id}`);
    const empty = (name = lane) => until(() => queue.size('deliver', name) === 0, 'an empty lane');

    /** Works a kind and notes each call; those that do not end at once wait for their `end`. */
    function work(kind: 'expand' | 'deliver', ends: (hint: Hint) => boolean): void {
      queue.work(kind, {
        async handle(hint) {
          const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
          calls.push({ hint, at: harness.now(), end: resolve, fail: reject });
          return over || ends(hint) ? undefined : await promise;
        },
        lane: (name) => limits.get(name) ?? { concurrency: 20, waitMs: 0 },
        drained: () => undefined,
      });
    }

    /** Resolves when the queue has had its chance to do what it should not. */
    async function pass(): Promise<void> {
      const other = hintOf({ lane: randomUUID() });
      queue.hint([other]);
      await called(other);
      callsOf(other).at(-1)?.end();
    }

    it('hands each hint to its worker, as it was given', async () => {
      work('deliver', atOnce);
      const hints = Array.from({ length: 30 }, (_, generation) => hintOf({ generation }));
      queue.hint(hints);
      await until(() => calls.length === 30, '30 calls');
      await empty();
      const byGeneration = calls.map(({ hint }) => hint);
      expect(byGeneration.toSorted((a, b) => a.generation - b.generation)).toEqual(hints);
    });

    it('begins nothing inside the call that hints', async () => {
      work('deliver', byHand);
      const hint = hintOf();
      queue.hint([hint]);
      expect(calls).toHaveLength(0);
      await called(hint);
    });

    it('keeps hints until there is a worker', async () => {
      const hint = hintOf();
      queue.hint([hint]);
      work('expand', byHand);
      const other = hintOf({ kind: 'expand', lane: 'receipts' });
      queue.hint([other]);
      await called(other);
      expect(callsOf(hint)).toHaveLength(0);
      work('deliver', byHand);
      await called(hint);
    });

    it('adds nothing for a hint whose id and generation are waiting', async () => {
      limits.set(lane, { concurrency: 0, waitMs: 0 });
      work('deliver', atOnce);
      const [hint, later] = [hintOf(), hintOf({ dueAt: harness.now() + 2_000 })];
      queue.hint([hint, hint, later]);
      queue.hint([{ ...hint }, later, { ...later, dueAt: harness.now() }]);
      await until(() => queue.size('deliver', lane) === 2, 'two hints');
      limits.delete(lane);
      queue.wake('deliver');
      await called(hint);
      await harness.elapse(3_000);
      await called(later);
      await empty();
      await pass();
      expect(callsOf(hint)).toHaveLength(1);
      expect(callsOf(later)).toHaveLength(1);
    });

    it('works another generation of a running id only after the first has ended', async () => {
      work('deliver', byHand);
      const hint = hintOf();
      queue.hint([hint]);
      await called(hint);
      queue.hint([{ ...hint, generation: 1 }]);
      await pass();
      expect(callsOf(hint)).toHaveLength(1);
      callsOf(hint)[0]?.end();
      await called(hint, 2);
      expect(callsOf(hint)[1]?.hint.generation).toBe(1);
    });

    it('works two waiting generations of an id one after the other', async () => {
      const hint = hintOf();
      queue.hint([hint, { ...hint, generation: 1 }]);
      work('deliver', byHand);
      await called(hint);
      await pass();
      expect(callsOf(hint)).toHaveLength(1);
      callsOf(hint)[0]?.end();
      await called(hint, 2);
      const generations = callsOf(hint).map((call) => call.hint.generation);
      expect(generations.toSorted((a, b) => a - b)).toEqual([0, 1]);
    });

    it('works a hint once more that came again while it ran: the row may have changed', async () => {
      work('deliver', byHand);
      const hint = hintOf();
      queue.hint([hint]);
      await called(hint);
      queue.hint([hint]);
      queue.hint([hint]);
      await pass();
      expect(callsOf(hint)).toHaveLength(1);
      callsOf(hint)[0]?.end();
      await called(hint, 2);
      callsOf(hint)[1]?.end();
      await empty();
      await pass();
      expect(callsOf(hint)).toHaveLength(2);
    });

    it('takes a hint again after it has ended', async () => {
      work('deliver', atOnce);
      const hint = hintOf();
      queue.hint([hint]);
      await called(hint);
      await empty();
      queue.hint([hint]);
      await called(hint, 2);
    });

    it('keeps a hint until it is due, and no other behind it', async () => {
      work('deliver', atOnce);
      const dueAt = harness.now() + 5_000;
      const [late, later] = [hintOf({ dueAt }), hintOf({ dueAt: dueAt + 1_000 })];
      queue.hint([later, late]);
      const hint = hintOf();
      queue.hint([hint]);
      await called(hint);
      await pass();
      expect(callsOf(late)).toHaveLength(0);
      await harness.elapse(7_000);
      await called(late);
      await called(later);
      expect(callsOf(late)[0]?.at).toBeGreaterThanOrEqual(dueAt);
      expect(callsOf(later)[0]?.at).toBeGreaterThanOrEqual(dueAt + 1_000);
    });

    it('calls again with the same hint after the time that the worker asked for', async () => {
      work('deliver', byHand);
      const hint = hintOf({ generation: 7 });
      queue.hint([hint]);
      await called(hint);
      const endedAt = harness.now();
      callsOf(hint)[0]?.end({ again: 5_000 });
      await until(() => queue.counts().deliver.delayed === 1, 'one delayed hint');
      expect(callsOf(hint)).toHaveLength(1);
      await harness.elapse(5_500);
      await called(hint, 2);
      expect(callsOf(hint)[1]?.hint).toEqual(hint);
      expect(callsOf(hint)[1]?.at).toBeGreaterThanOrEqual(endedAt + 5_000);
    });

    it('drops the hint of a worker that throws, and no other', async () => {
      limits.set(lane, { concurrency: 1, waitMs: 0 });
      work('deliver', byHand);
      const [bad, good] = [hintOf(), hintOf()];
      queue.hint([bad]);
      await called(bad);
      queue.hint([good]);
      callsOf(bad)[0]?.fail(new Error('a bug'));
      await called(good);
      callsOf(good)[0]?.end();
      await empty();
      await harness.elapse(2_000);
      await pass();
      expect(callsOf(bad)).toHaveLength(1);
    });

    it('runs no more of a lane at once than the worker allows', async () => {
      limits.set(lane, { concurrency: 3, waitMs: 0 });
      work('deliver', byHand);
      queue.hint(Array.from({ length: 10 }, () => hintOf()));
      for (let ended = 0; ended < 10; ended += 1) {
        const begun = Math.min(10, ended + 3);
        await until(() => callsOfLane(lane).length >= begun, `${begun} calls`);
        await pass();
        expect(callsOfLane(lane)).toHaveLength(begun);
        callsOfLane(lane)[ended]?.end();
      }
      await empty();
    });

    it('never lets a lane that hangs hold up another', async () => {
      const hung = randomUUID();
      limits.set(hung, { concurrency: 2, waitMs: 0 });
      limits.set(lane, { concurrency: 2, waitMs: 0 });
      work('deliver', (hint) => hint.lane !== hung);
      queue.hint(Array.from({ length: 40 }, () => hintOf({ lane: hung })));
      queue.hint(Array.from({ length: 40 }, () => hintOf()));
      await until(() => callsOfLane(lane).length === 40, 'all of the lane that works');
      await until(() => callsOfLane(hung).length >= 2, 'the other is as busy as it may be');
      expect(callsOfLane(hung)).toHaveLength(2);
    });

    it('begins nothing of a closed lane until it is woken', async () => {
      limits.set(lane, { concurrency: 0, waitMs: 0 });
      work('deliver', atOnce);
      const hint = hintOf();
      queue.hint([hint]);
      await harness.elapse(2_000);
      await pass();
      expect(callsOf(hint)).toHaveLength(0);
      limits.delete(lane);
      queue.wake('deliver');
      await called(hint);
    });

    it('begins nothing of a lane before its wait is over, and asks again then', async () => {
      limits.set(lane, { concurrency: 20, waitMs: 6_000 });
      work('deliver', atOnce);
      const hint = hintOf();
      const openAt = harness.now() + 6_000;
      queue.hint([hint]);
      await pass();
      limits.delete(lane);
      await pass();
      expect(callsOf(hint)).toHaveLength(0);
      await harness.elapse(7_000);
      await called(hint);
      expect(callsOf(hint)[0]?.at).toBeGreaterThanOrEqual(openAt);
    });

    it('asks a lane that has to wait again when it is woken', async () => {
      limits.set(lane, { concurrency: 20, waitMs: 3_600_000 });
      work('deliver', atOnce);
      const hint = hintOf();
      queue.hint([hint]);
      await pass();
      expect(callsOf(hint)).toHaveLength(0);
      limits.delete(lane);
      queue.wake('deliver');
      await called(hint);
    });

    it('counts hints by what they are doing', async () => {
      limits.set(lane, { concurrency: 1, waitMs: 0 });
      work('deliver', byHand);
      const dueAt = harness.now() + 30_000;
      queue.hint([hintOf(), hintOf(), hintOf({ dueAt }), hintOf({ lane: randomUUID(), dueAt })]);
      const wanted = { waiting: 1, active: 1, delayed: 2 };
      await until(
        () => isDeepStrictEqual(queue.counts().deliver, wanted),
        'the counts of all lanes',
      );
      expect(queue.counts().expand).toEqual({ waiting: 0, active: 0, delayed: 0 });
      expect(queue.size('deliver', lane)).toBe(3);
      expect(queue.size('expand', lane)).toBe(0);
    });

    it('keeps the kinds apart', async () => {
      work('expand', byHand);
      work('deliver', byHand);
      const hint = hintOf();
      queue.hint([hint, { ...hint, kind: 'expand' }]);
      await called(hint, 2);
      expect(callsOf(hint).map((call) => call.hint.kind)).toEqual(
        expect.arrayContaining(['expand', 'deliver']),
      );
    });

    it('closes when what runs has ended, and begins nothing more', async () => {
      limits.set(lane, { concurrency: 1, waitMs: 0 });
      work('deliver', byHand);
      const [running, waiting] = [hintOf(), hintOf()];
      queue.hint([running]);
      await called(running);
      queue.hint([waiting]);
      let closed = false;
      const closing = queue.close().then(() => {
        closed = true;
      });
      queue.hint([hintOf(), hintOf({ lane: randomUUID() })]);
      queue.wake('deliver');
      await harness.elapse(1_000);
      expect(closed).toBe(false);
      callsOf(running)[0]?.end({ again: 1 });
      await closing;
      await harness.elapse(1_000);
      expect(calls).toHaveLength(1);
      expect(queue.counts().deliver).toEqual({ waiting: 0, active: 0, delayed: 0 });
    });
  });
}
