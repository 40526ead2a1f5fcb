import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { createFailoverRateStore } from '../../src/adapters/redis/failover-rate-store.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import type { RateStore } from '../../src/ports/rate-store.ts';
import { openBreakers } from '../support/breakers.ts';
import { silentLog } from '../support/silent-log.ts';

const WINDOW_MS = 60_000;
const TIMEOUT_MS = 250;
const RETRY_MS = 5000;

type Health = 'up' | 'refuses' | 'hangs';

/** A store that can be taken away: each call is counted, and answered as its health says. */
function breakable(store: RateStore) {
  const state: { health: Health; calls: number } = { health: 'up', calls: 0 };
  function ask<T>(work: () => Promise<T>): Promise<T> {
    state.calls += 1;
    if (state.health === 'up') return work();
    if (state.health === 'hangs') return new Promise(() => undefined);
    return Promise.reject(new StoreUnavailableError('shared', new Error('refused')));
  }
  const shared: RateStore = {
    hit: (key, windowMs, cost) => ask(() => store.hit(key, windowMs, cost)),
    undo: (ticket) => ask(() => store.undo(ticket)),
    read: (key) => ask(() => store.read(key)),
    clear: (key) => ask(() => store.clear(key)),
  };
  return { shared, state };
}

function openStore() {
  const memory = () => createMemoryRateStore({ clock: systemClock, maxKeysPerPolicy: 100 });
  const { shared, state } = breakable(memory());
  const lines: string[] = [];
  const store = createFailoverRateStore({
    shared,
    local: memory(),
    breakers: openBreakers(),
    clock: systemClock,
    log: {
      ...silentLog,
      warn: ({ err }) => lines.push(`away: ${String(err)}`),
      info: () => lines.push('back'),
    },
    timeoutMs: TIMEOUT_MS,
  });
  const hit = (key: string, cost?: number) => store.hit(key, WINDOW_MS, cost);
  async function goAway(health: Health) {
    state.health = health;
    const lost = hit('p:lost');
    await jest.advanceTimersByTimeAsync(TIMEOUT_MS);
    await lost;
  }
  async function comeBack() {
    state.health = 'up';
    await jest.advanceTimersByTimeAsync(RETRY_MS);
  }
  return { store, state, lines, hit, goAway, comeBack };
}

describe('failover rate store', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('counts in memory, and says so, when the shared store refuses', async () => {
    const { store, state, lines, hit } = openStore();
    await hit('p:a');
    state.health = 'refuses';
    expect(await hit('p:a', 2)).toMatchObject({
      hits: 2,
      degraded: true,
      ticket: { key: 'p:a', cost: 2, degraded: true },
    });
    expect(await store.read('p:a')).toMatchObject({ hits: 2, degraded: true });
    expect(await store.read('p:b')).toBeUndefined();
    expect(store.isDegraded()).toBe(true);
    expect(lines).toEqual([expect.stringContaining('away: StoreUnavailableError')]);
  });

  it('waits 250 ms for one that hangs, once', async () => {
    const { state, hit } = openStore();
    state.health = 'hangs';
    let answered = false;
    const first = hit('p:a').finally(() => (answered = true));
    await jest.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    expect(answered).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await first).toMatchObject({ hits: 1, degraded: true });

    const asked = state.calls;
    for (let hits = 2; hits <= 20; hits += 1) expect((await hit('p:a')).hits).toBe(hits);
    expect(state.calls).toBe(asked);
  });

  it('asks again every 5 s by itself, while nobody waits for that', async () => {
    const { store, state, lines, hit, goAway } = openStore();
    await goAway('hangs');
    const asked = state.calls;
    await jest.advanceTimersByTimeAsync(RETRY_MS - 1);
    expect(state.calls).toBe(asked);
    await jest.advanceTimersByTimeAsync(1);
    expect(state.calls).toBe(asked + 1);
    expect((await hit('p:a')).degraded).toBe(true); // at once: nothing turns the timers here
    await jest.advanceTimersByTimeAsync(10 * (RETRY_MS + TIMEOUT_MS));
    expect(state.calls).toBe(asked + 11);
    expect(store.isDegraded()).toBe(true);
    expect(lines).toHaveLength(1);
  });

  it('is back with the shared store, without anybody asking, and where that had been', async () => {
    const { store, lines, hit, goAway, comeBack } = openStore();
    await hit('p:a');
    await goAway('refuses');
    await hit('p:a', 5);
    await comeBack();
    expect(store.isDegraded()).toBe(false);
    expect(await hit('p:a')).toMatchObject({ hits: 2, degraded: false });
    expect(lines).toEqual([expect.stringContaining('away'), 'back']);
    await jest.advanceTimersByTimeAsync(2000); // what was answered before is too old to judge by
    await goAway('refuses');
    expect(await hit('p:a')).toMatchObject({ hits: 6, degraded: true });
    await comeBack();
    expect(lines).toHaveLength(4);
  });

  it('takes hits back from the store that counted them, and from no other', async () => {
    const { store, hit, goAway, comeBack } = openStore();
    await hit('p:a', 10);
    const { ticket } = await hit('p:a', 1);
    await goAway('refuses');
    await hit('p:a', 20);
    const degraded = (await hit('p:a', 2)).ticket;
    await expect(store.undo(ticket)).rejects.toThrow(StoreUnavailableError);
    expect((await store.read('p:a'))?.hits).toBe(22);
    await store.undo(degraded);
    expect((await store.read('p:a'))?.hits).toBe(20);
    const another = (await hit('p:a', 3)).ticket;
    await comeBack();
    await store.undo(another);
    expect((await store.read('p:a'))?.hits).toBe(11);
    await store.undo(ticket);
    expect((await store.read('p:a'))?.hits).toBe(10);
    await goAway('refuses');
    expect((await store.read('p:a'))?.hits).toBe(20);
  });

  it('forgets a key in both, and says when it could not', async () => {
    const { store, hit, goAway, comeBack } = openStore();
    await hit('p:a');
    await goAway('refuses');
    await hit('p:a');
    await expect(store.clear('p:a')).rejects.toThrow(StoreUnavailableError);
    expect(await store.read('p:a')).toBeUndefined();
    await comeBack();
    expect((await store.read('p:a'))?.hits).toBe(1);
    await store.clear('p:a');
    expect(await store.read('p:a')).toBeUndefined();
  });

  it('does not turn away from a store that is late now and then', async () => {
    const { store, state, hit } = openStore();
    for (let sent = 0; sent < 20; sent += 1) {
      state.health = sent % 4 === 3 ? 'refuses' : 'up';
      expect((await hit('p:a')).degraded).toBe(state.health !== 'up');
    }
    expect(store.isDegraded()).toBe(false);
  });

  it('turns away within two seconds under load', async () => {
    const { store, state, hit } = openStore();
    async function load(forMs: number) {
      for (let at = 0; at < forMs; at += 10) {
        void hit('p:a');
        await jest.advanceTimersByTimeAsync(10);
      }
    }
    await load(10_000);
    state.health = 'hangs';
    await load(2000);
    expect(store.isDegraded()).toBe(true);
  });

  it('asks nothing more when it is closed', async () => {
    const { store, state, goAway } = openStore();
    await goAway('refuses');
    const asked = state.calls;
    store.close();
    await jest.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(state.calls).toBe(asked);
  });
});
