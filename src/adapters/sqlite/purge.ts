import { z } from 'zod';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { NotificationPurge } from './purge-procedure.ts';
import type { StoreCall } from './store-call.ts';

type Place = NotificationPurge['after'];

const FROM_THE_START: Place = [0, 0];
const Reply = z.object({
  removed: z.int(),
  stoppedAt: z.tuple([z.int(), z.int()]).readonly().nullable(),
});

// What stays, because a delivery of it is open or dead, may be most of what is old. A call looks at
// a few milliseconds' worth, a purge makes a bounded number of calls, the next one goes on there.
const STAYING_LOOKED_AT = 1000;
const MAX_CALLS = 20;

/** Purges in walks over what is old; each begins where the one before stopped. */
export function createPurge(write: StoreCall): DeliveryStore['purge'] {
  let stoppedAt: Place = FROM_THE_START;

  async function purgeNotifications(before: number, limit: number): Promise<number> {
    let removed = 0;
    for (let calls = 0; calls < MAX_CALLS && removed < limit; calls += 1) {
      const wanted = limit - removed;
      const lookAt = wanted + STAYING_LOOKED_AT;
      const order = { before, limit: wanted, lookAt, after: stoppedAt };
      const reply = Reply.parse(await write('purgeNotifications', order));
      removed += reply.removed;
      stoppedAt = reply.stoppedAt ?? FROM_THE_START;
      if (reply.stoppedAt === null) break;
    }
    return removed;
  }

  return async function purge({ notificationsBefore, deadLettersBefore, limit }) {
    const old = { before: deadLettersBefore, limit };
    const deadLetters = z.int().parse(await write('purgeDeadLetters', old));
    return { deadLetters, notifications: await purgeNotifications(notificationsBefore, limit) };
  };
}
