import { describe, expect, it } from '@jest/globals';
import { waitForStore } from '../../src/app/delivery/wait-for-store.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import type { Hint, Worker } from '../../src/ports/job-queue.ts';

const HINT: Hint = { kind: 'deliver', id: 'd', generation: 0, lane: 'l', dueAt: 0 };

describe('a worker whose store is away', () => {
  let isAway = false;
  let failure: Error | undefined;
  const drained: string[] = [];
  const worker = waitForStore(
    {
      handle: () => (failure ? Promise.reject(failure) : Promise.resolve(undefined)),
      lane: () => ({ concurrency: 20, waitMs: 0 }),
      drained: (lane) => void drained.push(lane),
    } satisfies Worker,
    () => isAway,
  );

  it('begins nothing, and is asked again in a second', () => {
    expect(worker.lane('l')).toEqual({ concurrency: 20, waitMs: 0 });
    isAway = true;
    expect(worker.lane('l')).toEqual({ concurrency: 0, waitMs: 1000 });
  });

  it('gives back the hint that it had taken', async () => {
    isAway = true;
    expect(await worker.handle(HINT)).toBeUndefined();
    failure = new StoreUnavailableError('mongodb', new Error('no answer'));
    expect(await worker.handle(HINT)).toEqual({ again: 1000 });
  });

  it('does not give back what fails by itself, while the store is there', async () => {
    isAway = false;
    failure = new StoreUnavailableError('store', new Error('damaged'));
    await expect(worker.handle(HINT)).rejects.toBe(failure);
  });

  it('fails as ever when something else is wrong', async () => {
    isAway = true;
    failure = new TypeError('a bug');
    await expect(worker.handle(HINT)).rejects.toBe(failure);
    worker.drained('l');
    expect(drained).toEqual(['l']);
  });
});
