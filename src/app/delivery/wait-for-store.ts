import { StoreUnavailableError } from '../../domain/errors.ts';
import type { JobResult, LaneLimit, Worker } from '../../ports/job-queue.ts';

const AGAIN_MS = 1000;
const AWAY: LaneLimit = { concurrency: 0, waitMs: AGAIN_MS };

/**
 * Begins nothing while the store is away, and gives back what it was in the middle of. An instance that
 * has lost its store fails faster than others work, and would eat the hints of them all.
 */
export function waitForStore(worker: Worker, isAway: () => boolean): Worker {
  return {
    lane: (lane) => (isAway() ? AWAY : worker.lane(lane)),
    drained: (lane) => worker.drained(lane),
    async handle(hint): Promise<JobResult> {
      try {
        return await worker.handle(hint);
      } catch (error) {
        // While it is there an error is the job's own: given back, it would come again for ever.
        if (error instanceof StoreUnavailableError && isAway()) return { again: AGAIN_MS };
        throw error;
      }
    },
  };
}
