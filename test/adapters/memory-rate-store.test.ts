import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import type { RateTicket } from '../../src/ports/rate-store.ts';
import { describeRateStore } from '../contracts/rate-store.contract.ts';
import { TurnedClock } from '../support/clock.ts';

const WINDOW_MS = 60_000;

describeRateStore('memory', async () => {
  const clock = new TurnedClock();
  return {
    store: createMemoryRateStore({ clock, maxKeysPerPolicy: 1000 }),
    stranger: createMemoryRateStore({ clock, maxKeysPerPolicy: 1000 }),
    elapse: (ms) => clock.turn(ms),
    close: async () => undefined,
  };
});

function openStore(maxKeysPerPolicy: number) {
  const clock = new TurnedClock();
  const store = createMemoryRateStore({ clock, maxKeysPerPolicy });
  const hit = (key: string, windowMs = WINDOW_MS) => store.hit(key, windowMs);
  const hitsAfter = async (key: string, windowMs?: number) => (await hit(key, windowMs)).hits;
  return { clock, store, hit, hitsAfter };
}

describe('memory rate store without room', () => {
  it('counts new keys together, and goes on counting those it knows', async () => {
    const { store, hitsAfter } = openStore(2);
    await hitsAfter('p:a');
    await hitsAfter('p:b');
    expect(await hitsAfter('p:c')).toBe(1);
    expect(await hitsAfter('p:d')).toBe(2);
    expect(await hitsAfter('p:a')).toBe(2);
    expect(await hitsAfter('p:b')).toBe(2);
    // What others did is not said of them.
    expect(await store.read('p:c')).toBeUndefined();
    expect(await store.read('p:e')).toBeUndefined();
    expect((await store.read('p:b'))?.hits).toBe(2);
  });

  it('has room of its own for each policy', async () => {
    const { hitsAfter } = openStore(1);
    await hitsAfter('p:a');
    await hitsAfter('p:b');
    expect(await hitsAfter('q:a')).toBe(1);
    expect(await hitsAfter('q:b')).toBe(1);
    expect(await hitsAfter('p:c')).toBe(2);
  });

  it('ends the shared window like any other', async () => {
    const { clock, store, hitsAfter } = openStore(1);
    await hitsAfter('p:a');
    await clock.turn(WINDOW_MS / 2);
    await hitsAfter('p:a');
    await hitsAfter('p:b');
    await clock.turn(WINDOW_MS / 2);
    await hitsAfter('p:a', 10 * WINDOW_MS); // anew, in the place it had
    expect(await hitsAfter('p:c')).toBe(2);
    await clock.turn(WINDOW_MS / 2);
    expect(await store.read('p:b')).toBeUndefined();
    expect(await hitsAfter('p:b')).toBe(1);
  });

  it('takes hits back from the shared window', async () => {
    const { store, hit, hitsAfter } = openStore(1);
    await hit('p:a');
    const { ticket } = await hit('p:b');
    await hit('p:c');
    await store.undo(ticket);
    expect(await hitsAfter('p:d')).toBe(2);
  });

  it('clears nobody else’s hits together with those of one key', async () => {
    const { store, hit, hitsAfter } = openStore(1);
    await hit('p:a');
    await hit('p:b');
    await store.clear('p:b');
    expect(await hitsAfter('p:c')).toBe(2);
    await store.clear('p:a');
    expect(await hitsAfter('p:d')).toBe(1); // in the place that a left
  });

  it('looks for ended windows at most once a second', async () => {
    const { clock, hitsAfter } = openStore(2);
    await hitsAfter('p:a', 400);
    await hitsAfter('p:b', 400);
    await hitsAfter('p:c'); // looked, and found none
    await clock.turn(500);
    expect(await hitsAfter('p:d')).toBe(2);
    await clock.turn(500);
    expect(await hitsAfter('p:e')).toBe(1);
    expect(await hitsAfter('p:f')).toBe(1);
    expect(await hitsAfter('p:g')).toBe(3);
  });

  it('is bounded in memory and time under half a million made-up keys', async () => {
    const { clock, store, hitsAfter } = openStore(50_000);
    for (let hits = 1; hits <= 100; hits += 1) await hitsAfter('general:genuine');
    const before = heapBytes();
    const startedAt = performance.now();
    let [highest, last] = [0, 0];
    for (let made = 0; made < 500_000; made += 1) {
      last = await hitsAfter(`general:10.${made >> 16}.${(made >> 8) & 255}.${made & 255}`);
      highest = Math.max(highest, last);
      if (made % 1000 === 0) await clock.turn(20); // 10 s in all, so that it looks for ended ones
    }
    const tookMs = performance.now() - startedAt;
    expect((heapBytes() - before) / 1024 / 1024).toBeLessThan(20);
    expect(tookMs).toBeLessThan(10_000); // about 1 s; a look at every window for every key takes minutes
    // Whoever was counted stays counted, strangers are counted together, other policies apart.
    expect(await hitsAfter('general:genuine')).toBe(101);
    expect(last).toBe(highest);
    expect(highest).toBe(500_000 - 50_000 + 1);
    expect(await hitsAfter('api:operator')).toBe(1);
    // And when it is over, it is over.
    await clock.turn(WINDOW_MS);
    expect(await hitsAfter('general:new')).toBe(1);
    expect(await store.read('general:10.0.0.1')).toBeUndefined();
  }, 60_000);
});

describe('memory rate store', () => {
  it('lets no window grow longer when the clock is set back', async () => {
    const { clock, store, hit, hitsAfter } = openStore(10);
    await hit('p:a');
    await clock.turn(-3_600_000);
    const { hits, resetsInMs } = await hit('p:a');
    expect({ hits, resetsInMs }).toEqual({ hits: 2, resetsInMs: WINDOW_MS });
    await clock.turn(WINDOW_MS);
    expect(await store.read('p:a')).toBeUndefined();
    expect(await hitsAfter('p:a')).toBe(1);
  });

  it('does what a list of hits with their times would', async () => {
    const keys = fc.constantFrom('p:a', 'p:b', 'q:a');
    const step = fc.oneof(
      fc.record({ do: fc.constant('hit'), key: keys, cost: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ do: fc.constant('undo'), of: fc.nat({ max: 5 }) }),
      fc.record({ do: fc.constant('clear'), key: keys }),
      fc.record({ do: fc.constant('turn'), ms: fc.integer({ min: 1, max: 150 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, store } = openStore(10);
        const model = new Map<string, { id: number; endsAt: number; hits: number }>();
        const tickets: { ticket: RateTicket; id: number }[] = [];
        let opened = 0;
        const live = (key: string) => {
          const window = model.get(key);
          return window !== undefined && clock.now() < window.endsAt ? window : undefined;
        };
        for (const step of steps) {
          if ('ms' in step) await clock.turn(step.ms);
          else if ('cost' in step) {
            opened += 1;
            const window = live(step.key) ?? { id: opened, endsAt: clock.now() + 100, hits: 0 };
            window.hits += step.cost;
            model.set(step.key, window);
            const { ticket } = await store.hit(step.key, 100, step.cost);
            tickets.unshift({ ticket, id: window.id });
          } else if ('of' in step) {
            const [undone] = tickets.splice(step.of, 1);
            if (undone === undefined) continue;
            const window = live(undone.ticket.key);
            if (window?.id === undone.id) window.hits -= undone.ticket.cost;
            await store.undo(undone.ticket);
          } else {
            model.delete(step.key);
            await store.clear(step.key);
          }
          for (const key of ['p:a', 'p:b', 'q:a']) {
            const window = live(key);
            const resetsInMs = window && window.endsAt - clock.now();
            expect(await store.read(key)).toEqual(
              window && { hits: window.hits, resetsInMs, degraded: false },
            );
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

function heapBytes(): number {
  if (typeof collectGarbage !== 'function') throw new Error('no garbage collector to call');
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
