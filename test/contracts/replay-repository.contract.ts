import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Replay } from '../../src/domain/delivery/replay.ts';
import type { PageRequest } from '../../src/domain/page.ts';
import type { ReplayRepository } from '../../src/ports/replay-repository.ts';
import { BUILT_AT } from '../support/builders.ts';
import { pagesOf } from '../support/pages.ts';

export interface ReplayRepositoryHarness {
  readonly replays: ReplayRepository;
  /** Closes it and opens it again on what it kept. */
  reopen(): Promise<ReplayRepositoryHarness>;
  close(): Promise<void>;
}

const LATER = BUILT_AT + 1000;

function aReplay(changes: Partial<Replay> = {}): Replay {
  return {
    id: randomUUID(),
    organizationId: 'default',
    filter: { receivedBefore: BUILT_AT },
    sinkId: null,
    state: 'running',
    cursor: null,
    notifications: 0,
    deliveries: 0,
    createdAt: BUILT_AT,
    finishedAt: null,
    ...changes,
  };
}

const DONE = {
  state: 'done',
  cursor: null,
  notifications: 7,
  deliveries: 9,
  finishedAt: LATER,
} as const;
const halfway = (cursor: string) => ({
  state: 'running' as const,
  cursor,
  notifications: 3,
  deliveries: 4,
  finishedAt: null,
});

/** What `ReplayRepository` promises. Every adapter runs all of it; none opts out of a case. */
export function describeReplayRepository(
  adapter: string,
  open: () => Promise<ReplayRepositoryHarness>,
): void {
  describe(`ReplayRepository contract: ${adapter}`, () => {
    let harness: ReplayRepositoryHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const advance = (...step: Parameters<ReplayRepository['advance']>) =>
      harness.replays.advance(...step);
    const find = (id: string) => harness.replays.find('default', id);
    const list = (page: PageRequest) => harness.replays.list('default', page);
    async function insert(changes: Partial<Replay> = {}): Promise<Replay> {
      const replay = aReplay(changes);
      await harness.replays.insert(replay);
      return replay;
    }

    it('gives back a replay as it was inserted, over a restart too', async () => {
      const plain = await insert();
      const filter = {
        subscriptionId: 's',
        tenantId: "t'; --",
        sinkId: 'sink-1',
        receivedFrom: 5,
        receivedBefore: 9,
      };
      const full = await insert({ filter, sinkId: 'sink-2', ...halfway('c-1') });
      harness = await harness.reopen();
      expect(await find(plain.id)).toEqual(plain);
      expect(await find(full.id)).toEqual(full);
    });

    it('refuses an id that is taken, and keeps what was there', async () => {
      const replay = await insert();
      await expect(harness.replays.insert({ ...replay, deliveries: 5 })).rejects.toThrow();
      expect(await find(replay.id)).toEqual(replay);
    });

    it('shows a replay to its organisation only, and none that is not there', async () => {
      const foreign = await insert({ organizationId: 'other' });
      expect(await find(foreign.id)).toBeUndefined();
      expect(await harness.replays.find('other', foreign.id)).toEqual(foreign);
      expect(await find(randomUUID())).toBeUndefined();
    });

    it('lists an organisation, the latest first, page by page', async () => {
      const replays = [await insert(), await insert(DONE), await insert()];
      await insert({ organizationId: 'other' });
      const [first, second, third] = replays;
      expect(await pagesOf(list, 2)).toEqual([[third, second], [first]]);
      expect(await pagesOf(list, 3)).toEqual([[third, second, first]]);
    });

    it('refuses a cursor that it has not given', async () => {
      const refused = list({ limit: 1, cursor: 'nonsense' });
      await expect(refused).rejects.toMatchObject({ details: [{ path: 'cursor' }] });
    });

    it('gives those of all organisations that are running, the oldest first', async () => {
      const first = await insert();
      const second = await insert({ organizationId: 'other', ...halfway('c-1') });
      await insert(DONE);
      harness = await harness.reopen();
      expect(await harness.replays.running()).toEqual([first, second]);
      await advance(first.id, null, DONE);
      expect(await harness.replays.running()).toEqual([second]);
    });

    it('advances one that stands at the cursor, from the start to the end', async () => {
      const replay = await insert();
      const neighbour = await insert();
      expect(await advance(replay.id, null, halfway('c-1'))).toBe(true);
      expect(await find(replay.id)).toEqual({ ...replay, ...halfway('c-1') });
      expect(await advance(replay.id, 'c-1', halfway('c-2'))).toBe(true);
      expect(await advance(replay.id, 'c-2', DONE)).toBe(true);
      harness = await harness.reopen();
      expect(await find(replay.id)).toEqual({ ...replay, ...DONE });
      expect(await find(neighbour.id)).toEqual(neighbour);
    });

    it('writes nothing about one that stands elsewhere, is done or not there', async () => {
      const [running, done] = [await insert(halfway('c-1')), await insert(DONE)];
      for (const cursor of [null, 'c-0', 'C-1', '']) {
        expect(await advance(running.id, cursor, DONE)).toBe(false);
      }
      expect(await advance(done.id, null, halfway('c-1'))).toBe(false);
      expect(await advance(randomUUID(), null, DONE)).toBe(false);
      expect(await find(running.id)).toEqual(running);
      expect(await find(done.id)).toEqual(done);
    });

    it('lets one of those who did the same page at the same time advance it', async () => {
      const replay = await insert();
      const tries = Array.from({ length: 10 }, (_, n) =>
        advance(replay.id, null, { ...halfway('c-1'), deliveries: n }),
      );
      const won = await Promise.all(tries);
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await find(replay.id))?.deliveries).toBe(won.indexOf(true));
    });

    it('lets one of those who end it with its first page do so', async () => {
      const replay = await insert();
      const tries = Array.from({ length: 5 }, () => advance(replay.id, null, DONE));
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    });
  });
}
