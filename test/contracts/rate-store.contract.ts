import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RateStore, RateTicket } from '../../src/ports/rate-store.ts';

export interface RateStoreHarness {
  readonly store: RateStore;
  /** Another one that shares nothing with it. */
  readonly stranger: RateStore;
  /** Lets time pass for the store: a turned clock is turned, a server is waited for. */
  elapse(ms: number): Promise<void>;
  close(): Promise<void>;
}

// Long enough for a few hits in one window on a busy machine, where a server's time is real. What
// has to fall into a window comes early in it, for the same reason.
const WINDOW_MS = 2000;

/** What `RateStore` promises. Every adapter runs all of it; none opts out of a case. */
export function describeRateStore(adapter: string, open: () => Promise<RateStoreHarness>): void {
  describe(`RateStore contract: ${adapter}`, () => {
    let harness: RateStoreHarness;
    let store: RateStore;
    beforeAll(async () => {
      harness = await open();
      store = harness.store;
    });
    afterAll(() => harness.close());

    const newKey = () => `contract:${randomUUID()}`;
    const hit = (key: string, cost?: number) => store.hit(key, WINDOW_MS, cost);
    const hitsOf = async (key: string) => (await store.read(key))?.hits;

    it('counts from 1, and each key for itself', async () => {
      const [key, other] = [newKey(), newKey()];
      for (const hits of [1, 2, 3]) expect((await hit(key)).hits).toBe(hits);
      expect((await hit(other)).hits).toBe(1);
      expect(await hitsOf(key)).toBe(3);
    });

    it('takes a key that has colons of its own as a whole', async () => {
      const key = newKey();
      await hit(`${key}:2001:db8::/64`);
      expect((await hit(`${key}:2001:db9::/64`)).hits).toBe(1);
    });

    it('gives concurrent hits a different count each', async () => {
      const key = newKey();
      const windows = await Promise.all(Array.from({ length: 50 }, () => hit(key)));
      const counts = windows.map(({ hits }) => hits).toSorted((a, b) => a - b);
      expect(counts).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
    });

    it('counts as many as a hit costs', async () => {
      const key = newKey();
      expect((await hit(key, 5)).hits).toBe(5);
      expect((await hit(key)).hits).toBe(6);
    });

    it('says how long the window lasts, and is not degraded by itself', async () => {
      const key = newKey();
      const first = await hit(key);
      expect(first.degraded).toBe(false);
      expect(first.resetsInMs).toBeLessThanOrEqual(WINDOW_MS);
      await harness.elapse(0.3 * WINDOW_MS);
      const { resetsInMs } = await hit(key);
      expect(resetsInMs).toBeGreaterThan(0);
      expect(resetsInMs).toBeLessThanOrEqual(0.7 * WINDOW_MS);
    });

    it('does not extend the window on later hits', async () => {
      const key = newKey();
      await hit(key);
      await harness.elapse(0.3 * WINDOW_MS);
      expect((await hit(key)).hits).toBe(2);
      await harness.elapse(0.8 * WINDOW_MS);
      expect((await hit(key)).hits).toBe(1);
    });

    it('reads without counting, and nothing where no window is open', async () => {
      const key = newKey();
      expect(await store.read(key)).toBeUndefined();
      expect((await hit(key)).hits).toBe(1);
      const window = await store.read(key);
      expect(window).toEqual({ hits: 1, resetsInMs: expect.any(Number), degraded: false });
      expect(window?.resetsInMs).toBeGreaterThan(0);
      expect(window?.resetsInMs).toBeLessThanOrEqual(WINDOW_MS);
      expect((await hit(key)).hits).toBe(2);
      await harness.elapse(1.2 * WINDOW_MS);
      expect(await store.read(key)).toBeUndefined();
    });

    it('takes back what a ticket was given for', async () => {
      const key = newKey();
      await hit(key);
      const { ticket } = await hit(key, 3);
      await hit(key);
      await store.undo(ticket);
      expect(await hitsOf(key)).toBe(2);
    });

    it('does not begin a new window when all of one is taken back', async () => {
      const key = newKey();
      const { ticket } = await hit(key);
      await harness.elapse(0.3 * WINDOW_MS);
      await store.undo(ticket);
      expect((await hit(key)).hits).toBe(1);
      await harness.elapse(0.8 * WINDOW_MS);
      expect(await store.read(key)).toBeUndefined();
    });

    it('takes nothing back from the window after', async () => {
      const key = newKey();
      const { ticket } = await hit(key);
      await harness.elapse(1.2 * WINDOW_MS);
      await store.undo(ticket);
      expect(await store.read(key)).toBeUndefined();
      await hit(key);
      await store.undo(ticket);
      expect(await hitsOf(key)).toBe(1);
    });

    it('takes nothing back from the window that follows a clearing', async () => {
      const key = newKey();
      const { ticket } = await hit(key);
      await store.clear(key);
      await hit(key);
      await store.undo(ticket);
      expect(await hitsOf(key)).toBe(1);
    });

    it('takes nothing back for a ticket of another store', async () => {
      const key = newKey();
      const { ticket } = await harness.stranger.hit(key, WINDOW_MS);
      await hit(key);
      await store.undo(ticket);
      expect(await hitsOf(key)).toBe(1);
    });

    it('gives tickets that name the key, the cost and the store', async () => {
      const key = newKey();
      const ticket: RateTicket = (await hit(key, 2)).ticket;
      expect(ticket).toEqual({ key, windowId: expect.any(String), cost: 2, degraded: false });
      expect((await hit(key)).ticket.windowId).toBe(ticket.windowId);
    });

    it('forgets a key, and no other', async () => {
      const [key, other] = [newKey(), newKey()];
      await Promise.all([hit(key), hit(other)]);
      await store.clear(key);
      expect(await store.read(key)).toBeUndefined();
      expect((await hit(key)).hits).toBe(1);
      expect(await hitsOf(other)).toBe(1);
      await store.clear(newKey());
    });
  });
}
