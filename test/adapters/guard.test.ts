import { expect, it, jest } from '@jest/globals';
import { guard, guardAll, PAST } from '../../src/adapters/opossum/guard.ts';
import type { CircuitBreaker } from '../../src/ports/circuit-breakers.ts';

interface Counter {
  readonly name: string;
  add(by: number): Promise<number>;
  reset(): Promise<void>;
  total(): number;
}

class ClassCounter implements Counter {
  readonly name = 'class';
  #total = 0;

  async add(by: number): Promise<number> {
    this.#total += by;
    return this.#total;
  }

  async reset(): Promise<void> {
    this.#total = 0;
  }

  total(): number {
    return this.#total;
  }
}

function createClosureCounter(): Counter {
  let total = 0;
  return {
    name: 'closure',
    async add(by) {
      total += by;
      return total;
    },
    async reset() {
      total = 0;
    },
    total: () => total,
  };
}

function createBreaker() {
  const begun = jest.fn();
  const breaker: Pick<CircuitBreaker, 'call'> = {
    call(work) {
      begun();
      return work();
    },
  };
  return { breaker, begun };
}

it.each([new ClassCounter(), createClosureCounter()])(
  'guards what is named of a $name, and nothing else',
  async (counter) => {
    const { breaker, begun } = createBreaker();
    const guarded = guard(counter, { add: breaker, reset: PAST });
    const { add, total } = guarded; // taken off, as by destructured dependencies
    expect(await add(2)).toBe(2);
    expect(await guarded.add(3)).toBe(5);
    expect(begun).toHaveBeenCalledTimes(2);
    expect([total(), guarded.name]).toEqual([5, counter.name]);
    await guarded.reset();
    expect(counter.total()).toBe(0);
    expect(begun).toHaveBeenCalledTimes(2);
  },
);

it('leads methods through the breaker that is named for each', async () => {
  const [one, other] = [createBreaker(), createBreaker()];
  const guarded = guard(createClosureCounter(), { add: one.breaker, reset: other.breaker });
  await guarded.add(1);
  expect(other.begun).not.toHaveBeenCalled();
  await guarded.reset();
  expect(one.begun).toHaveBeenCalledTimes(1);
  expect(other.begun).toHaveBeenCalledTimes(1);
});

it('does not begin what the breaker refuses', async () => {
  const counter = createClosureCounter();
  const refusing = { call: () => Promise.reject(new Error('open')) };
  const guarded = guard(counter, { add: refusing, reset: PAST });
  await expect(guarded.add(1)).rejects.toThrow('open');
  expect(counter.total()).toBe(0);
});

it('takes names of methods that give a promise, all of them, and no others', () => {
  const counter = createClosureCounter();
  const { breaker } = createBreaker();
  // @ts-expect-error -- total gives no promise
  guard(counter, { add: breaker, reset: breaker, total: breaker });
  // @ts-expect-error -- reset is forgotten
  guard(counter, { add: breaker });
});

it('guards every method of a port that has none but asynchronous ones', async () => {
  const { breaker, begun } = createBreaker();
  const guarded = guardAll<Pick<Counter, 'add' | 'reset'>>(new ClassCounter(), breaker);
  expect(await guarded.add(2)).toBe(2);
  await guarded.reset();
  expect(await guarded.add(3)).toBe(3);
  expect(begun).toHaveBeenCalledTimes(3);
});
