import { describe, expect, it } from '@jest/globals';
import { JobLane } from '../../src/adapters/memory/job-lane.ts';
import type { JobResult, LaneLimit } from '../../src/ports/job-queue.ts';
import { describeJobQueue } from '../contracts/job-queue.contract.ts';
import { quiet, setUpMemoryQueue as setUp, workerOf } from '../support/memory-queue.ts';

const never = () => new Promise<JobResult>(() => undefined);

describeJobQueue('memory', async () => {
  const { clock, queue } = setUp();
  return {
    queue,
    now: () => clock.now(),
    elapse: (ms) => clock.turn(ms),
    close: async () => undefined,
  };
});

describe('the memory queue', () => {
  it('starts a hint within the turn of the event loop in which it came', async () => {
    const { queue, hint } = setUp();
    const handled: string[] = [];
    queue.work('deliver', workerOf({ handle: async ({ id }) => void handled.push(id) }));
    queue.hint([hint(1)]);
    queue.hint([hint(2)]);
    await Promise.resolve();
    expect(handled).toEqual(['1', '2']);
  });

  it('looks at once at what waits for a time of before the clock was set back', async () => {
    const { clock, queue, hint } = setUp();
    const handled: string[] = [];
    queue.work('deliver', workerOf({ handle: async ({ id }) => void handled.push(id) }));
    queue.hint([
      hint(1, { dueAt: clock.now() + 30_000 }),
      hint(2, { dueAt: clock.now() + 40_000 }),
    ]);
    await clock.leap(-50_000); // clocks are put right by so much, and nobody need hurry
    queue.wake('deliver');
    await clock.turn(0);
    expect(handled).toEqual([]);
    await clock.leap(-3 * 3_600_000);
    // One of the new time comes first, and must not keep the others from being looked at.
    queue.hint([hint(3, { dueAt: clock.now() + 10_000 })]);
    queue.wake('deliver');
    await clock.turn(0);
    expect(handled.toSorted()).toEqual(['1', '2', '3']);
    expect(queue.counts().deliver).toEqual({ waiting: 0, active: 0, delayed: 0 });
  });

  it('holds no more than its bounds of 100,000 hints, and gets all of them done', async () => {
    const { clock, queue, hints } = setUp({ maxPerLane: 500 });
    const store = new Map(hints(100_000).map((hint) => [hint.id, hint]));
    let most = 0;
    let drained = 0;
    queue.work(
      'deliver',
      workerOf({
        async handle({ id }) {
          most = Math.max(most, queue.size('deliver', 'a'));
          store.delete(id);
          return undefined;
        },
        drained() {
          drained += 1;
          queue.hint(Array.from(store.values()).slice(0, 1_000));
        },
      }),
    );
    queue.hint([...store.values()]);
    await clock.turn(1);
    expect(store.size).toBe(0);
    expect(most).toBe(500);
    expect(drained).toBeLessThan(250);
    expect(queue.counts().deliver).toEqual({ waiting: 0, active: 0, delayed: 0 });
    expect(clock.timers).toBe(0);
  });

  it('says that a lane is drained once, when its last hint begins, if some were dropped', async () => {
    const { clock, queue, hints } = setUp({ maxPerLane: 4 });
    const ends: (() => void)[] = [];
    const drained: string[] = [];
    const handle = () => new Promise<undefined>((resolve) => ends.push(() => resolve(undefined)));
    queue.work(
      'deliver',
      workerOf({
        handle,
        lane: () => ({ concurrency: 1, waitMs: 0 }),
        drained: (name) => drained.push(name),
      }),
    );
    queue.hint(hints(4));
    queue.hint(hints(4)); // waiting already, so nothing is dropped by these
    queue.hint(hints(3, { lane: 'b' }));
    for (let begun = 0; begun < 8; begun += 1) {
      await clock.turn(1);
      ends.shift()?.();
    }
    expect(drained).toEqual([]);
    queue.hint(hints(6));
    for (let begun = 1; begun < 4; begun += 1) {
      await clock.turn(1);
      expect(drained).toEqual([]);
      ends.shift()?.();
    }
    await clock.turn(1);
    expect(drained).toEqual(['a']);
    ends.shift()?.();
    await clock.turn(1);
    expect(drained).toEqual(['a']);
  });

  it('does not ask for more while all of a lane hangs: there would be no room for it', async () => {
    const { clock, queue, hints } = setUp({ maxPerLane: 4 });
    const ends: (() => void)[] = [];
    let drained = 0;
    const handle = () => new Promise<undefined>((resolve) => ends.push(() => resolve(undefined)));
    queue.work('deliver', workerOf({ handle, drained: () => void (drained += 1) }));
    queue.hint(hints(6));
    await clock.turn(0);
    expect([ends.length, drained]).toEqual([4, 0]);
    ends.shift()?.();
    await clock.turn(0);
    expect(drained).toBe(1);
  });

  it('drops what is due in more than 60 s, and does not call that drained', async () => {
    const { clock, queue, hint } = setUp();
    let drained = 0;
    queue.work('deliver', workerOf({ drained: () => void (drained += 1) }));
    queue.hint([
      hint('soon', { dueAt: clock.now() + 60_000 }),
      hint('late', { dueAt: clock.now() + 60_001 }),
    ]);
    expect(queue.size('deliver', 'a')).toBe(1);
    await clock.turn(61_000);
    expect(queue.size('deliver', 'a')).toBe(0);
    expect(drained).toBe(0);
  });

  it('lets lanes that hang fill the queue without keeping out another', async () => {
    const { clock, queue, hint, hints } = setUp({ maxPerLane: 100, maxInAll: 300 });
    const left = new Set(hints(500, { lane: 'fine' }));
    queue.work(
      'deliver',
      workerOf({
        async handle(worked) {
          if (worked.lane !== 'fine') return await never();
          left.delete(worked);
          return undefined;
        },
        drained: (name) => {
          if (name === 'fine') queue.hint([...left]);
        },
      }),
    );
    for (let at = 0; at < 10; at += 1) queue.hint(hints(200, { lane: `hung-${at}` }));
    const { waiting, active } = queue.counts().deliver;
    expect(waiting + active).toBe(3 * 100 + 7 * 50); // of each lane 50 fit always
    queue.hint([...left]);
    await clock.turn(1);
    expect(left.size).toBe(0);
    expect(queue.size('deliver', 'hung-0')).toBe(100);
    queue.hint([hint('more', { lane: 'hung-0' })]);
    expect(queue.size('deliver', 'hung-0')).toBe(100);
  });

  it('keeps the room of a hint that is to be called again', async () => {
    const { clock, queue, hint, hints } = setUp({ maxPerLane: 2 });
    const handled: string[] = [];
    queue.work(
      'deliver',
      workerOf({
        async handle({ id }) {
          handled.push(id);
          return handled.length <= 2 ? { again: 1_000 } : undefined;
        },
      }),
    );
    queue.hint(hints(2));
    await clock.turn(1);
    queue.hint([hint('other')]);
    expect(queue.size('deliver', 'a')).toBe(2);
    await clock.turn(1_000);
    expect(handled).toEqual(['0', '1', '0', '1']);
  });

  it('sets one timer for a lane that waits, and none when there is nothing to wait for', async () => {
    const { clock, queue, hints } = setUp();
    let limit: LaneLimit = { concurrency: 20, waitMs: 5_000 };
    let asked = 0;
    const lane = () => {
      asked += 1;
      return limit;
    };
    queue.work('deliver', workerOf({ lane }));
    expect(clock.timers).toBe(0);
    queue.hint(hints(10, { dueAt: clock.now() + 1_000 }));
    queue.hint(hints(10, { dueAt: clock.now() + 500, generation: 1 }));
    await clock.turn(1);
    expect(clock.timers).toBe(1);
    await clock.turn(600);
    expect([clock.timers, asked]).toEqual([1, 1]);
    queue.hint(hints(20, { generation: 2 }));
    await clock.turn(4_000); // it waits until 500 + 5,000, whatever else comes
    expect([clock.timers, asked]).toEqual([1, 1]);
    limit = { concurrency: 20, waitMs: 0 };
    await clock.turn(1_000);
    expect(queue.size('deliver', 'a')).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('does not spin on a worker that is never done, and waits for ever where it is told to', async () => {
    const { clock, queue, hint } = setUp();
    let calls = 0;
    const handle = async () => {
      calls += 1;
      return { again: 0 };
    };
    queue.work(
      'deliver',
      workerOf({
        handle,
        lane: (name) => ({ concurrency: 1, waitMs: name === 'shut' ? Infinity : 0 }),
      }),
    );
    queue.hint([hint(1), hint(2, { lane: 'shut' })]);
    await clock.turn(0); // would never come back
    await clock.turn(10);
    expect(calls).toBe(11);
    expect(queue.size('deliver', 'shut')).toBe(1);
    expect(clock.timers).toBe(2);
    expect(clock.longestMs).toBeLessThan(2 ** 31); // beyond, a timer of Node's rings at once
  });

  it('logs what a worker throws, in whichever of its methods, and goes on', async () => {
    const { clock, queue, errors, hint, hints } = setUp({ maxPerLane: 3 });
    const bug = new Error('a bug');
    let asked = 0;
    const fail = (): never => {
      throw bug;
    };
    queue.work(
      'deliver',
      workerOf({
        handle: fail,
        lane: () => (++asked === 1 ? fail() : { concurrency: 20, waitMs: 0 }),
        drained: fail,
      }),
    );
    queue.hint(hints(4));
    await clock.turn(1);
    expect(errors).toEqual([{ err: bug, kind: 'deliver', lane: 'a' }]);
    await clock.turn(1_000);
    expect(errors).toHaveLength(1 + 3 + 1); // lane once, handle for each hint, drained
    expect(queue.size('deliver', 'a')).toBe(0);
    queue.hint([hint('next')]);
    await clock.turn(1);
    expect(errors).toHaveLength(6);
  });

  it('forgets a lane when its last hint has ended', async () => {
    const { clock, hint } = setUp();
    let idle = 0;
    let endings = 0;
    const lane = new JobLane({
      kind: 'deliver',
      name: 'a',
      clock,
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      room: { taken: 0, fits: () => true, fitsDelayed: () => true },
      worker: () =>
        workerOf({ handle: async () => (++endings === 2 ? { again: 1_000 } : undefined) }),
      onIdle: () => (idle += 1),
    });
    lane.add(hint(1), clock.now());
    lane.add(hint(2), clock.now());
    lane.pump();
    await clock.turn(0);
    expect([endings, idle]).toEqual([2, 0]);
    await clock.turn(1_000);
    expect([endings, idle]).toEqual([3, 1]);
  });

  it('drops what waits when it closes, its timers too', async () => {
    const { clock, queue, hint, hints } = setUp();
    queue.work('deliver', workerOf({ lane: () => ({ concurrency: 1, waitMs: 5_000 }) }));
    queue.hint([...hints(5), hint('later', { lane: 'b', dueAt: clock.now() + 1_000 })]);
    await clock.turn(1);
    expect(clock.timers).toBe(2);
    await queue.close();
    expect(clock.timers).toBe(0);
    expect(queue.counts().deliver).toEqual({ waiting: 0, active: 0, delayed: 0 });
  });
});
