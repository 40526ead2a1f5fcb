import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Hint, JobQueue, JobResult, LaneLimit } from '../../src/ports/job-queue.ts';
import type { TurnedClock } from '../support/clock.ts';
import { setUpMemoryQueue, workerOf } from '../support/memory-queue.ts';

type Command =
  | { readonly do: 'hint'; readonly id: number; readonly generation: number; readonly inMs: number }
  | { readonly do: 'end'; readonly which: number; readonly result: 'done' | 'bug' | number }
  | { readonly do: 'turn'; readonly ms: number }
  | { readonly do: 'limit'; readonly concurrency: number; readonly waitMs: number };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('hint' as const),
      id: fc.nat(3),
      generation: fc.nat(2),
      inMs: fc.constantFrom(-5_000, 0, 0, 1, 10, 50),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(5),
      result: fc.constantFrom<('done' | 'bug' | number)[]>('done', 'done', 'bug', 0, 10, 40),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const), ms: fc.nat(30) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('limit' as const),
      concurrency: fc.nat(3),
      waitMs: fc.constantFrom(0, 0, 20),
    }),
  },
);

interface Running {
  readonly hint: Hint;
  readonly end: (result: 'done' | 'bug' | number) => void;
}

/** The queue beside what it should know: what waits and since when it may start, and what runs. */
class Model {
  readonly clock: TurnedClock;
  readonly queue: JobQueue;
  readonly waiting = new Map<string, number>();
  readonly broken: string[] = [];
  running: Running[] = [];
  limit: LaneLimit = { concurrency: 2, waitMs: 0 };
  readonly #hintOf: (id: number, more: Partial<Hint>) => Hint;

  constructor() {
    const { clock, queue, hint } = setUpMemoryQueue();
    this.clock = clock;
    this.queue = queue;
    this.#hintOf = hint;
    queue.work('deliver', workerOf({ handle: (h) => this.#handle(h), lane: () => this.limit }));
  }

  #handle(hint: Hint): Promise<JobResult> {
    const mayStartAt = this.waiting.get(keyOf(hint));
    if (mayStartAt === undefined) this.broken.push('nobody asked for it');
    else if (mayStartAt > this.clock.now()) this.broken.push('too early');
    if (this.running.some(({ hint: { id } }) => id === hint.id)) this.broken.push('twice at once');
    if (this.running.length >= this.limit.concurrency) this.broken.push('too many');
    this.waiting.delete(keyOf(hint));
    const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
    const end: Running['end'] = (result) => {
      this.running = this.running.filter((one) => one.hint !== hint);
      if (result === 'bug') reject(new Error('a bug'));
      else if (result === 'done') resolve(undefined);
      else {
        this.#waits(hint, this.clock.now() + result);
        resolve({ again: result });
      }
    };
    this.running.push({ hint, end });
    return promise;
  }

  #waits(hint: Hint, mayStartAt: number): void {
    if (!this.waiting.has(keyOf(hint))) this.waiting.set(keyOf(hint), mayStartAt);
  }

  async run(command: Command): Promise<void> {
    switch (command.do) {
      case 'hint': {
        const { id, generation, inMs } = command;
        const hint = this.#hintOf(id, { generation, dueAt: this.clock.now() + inMs });
        this.#waits(hint, hint.dueAt);
        return this.queue.hint([hint]);
      }
      case 'end':
        this.running[command.which % Math.max(1, this.running.length)]?.end(command.result);
        return await this.clock.turn(0); // until then the queue does not know
      case 'turn':
        return await this.clock.turn(command.ms);
      case 'limit':
        this.limit = command;
        return this.queue.wake('deliver');
    }
  }

  /** Opens the lane, and ends whatever runs until there is nothing more. */
  async finish(): Promise<void> {
    await this.run({ do: 'limit', concurrency: 4, waitMs: 0 });
    for (let round = 0; round < 50; round += 1) {
      await this.clock.turn(10);
      for (const { end } of this.running) end('done');
    }
  }
}

function keyOf({ id, generation }: Hint): string {
  return `${id}/${generation}`;
}

describe('the memory queue, whatever happens in whatever order', () => {
  it('runs no id twice at once, nothing too early, nothing for nothing, and loses nothing', async () => {
    const runs = fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
      const model = new Model();
      for (const command of commands) await model.run(command);
      await model.finish();
      expect(model.broken).toEqual([]);
      expect([...model.waiting.keys()]).toEqual([]);
      expect(model.queue.size('deliver', 'a')).toBe(0);
    });
    await fc.assert(runs, { numRuns: 300 });
  });

  it('begins each delayed hint when its time has come', async () => {
    const times = fc.array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 200 });
    const runs = fc.asyncProperty(times, async (delays) => {
      const { clock, queue, hint } = setUpMemoryQueue();
      const late: number[] = [];
      const handle = async ({ dueAt }: Hint) => void late.push(clock.now() - dueAt);
      queue.work('deliver', workerOf({ handle, lane: () => ({ concurrency: 200, waitMs: 0 }) }));
      queue.hint(delays.map((ms, at) => hint(at, { dueAt: clock.now() + ms })));
      await clock.turn(0);
      await clock.turn(1_000);
      expect(late).toEqual(delays.map(() => 0));
    });
    await fc.assert(runs, { numRuns: 50 });
  });
});
