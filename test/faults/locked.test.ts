import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { startGateway, type TimedAnswer } from './gateway.ts';
import { expectAtOnce, hangInbox } from './hang-scenario.ts';

// Longer than a thread waits for the lock (5 s), so that its calls fail and are done again.
const LOCKED_MS = 5500;

/** Takes the write lock as another program would; gives what ends it. */
function lock(dataDir: string, file: string): () => Promise<void> {
  const holder = new DatabaseSync(join(dataDir, file), { timeout: 5000 });
  holder.exec('BEGIN IMMEDIATE');
  return async () => {
    holder.exec('ROLLBACK');
    holder.close();
  };
}

describe('a database that somebody else has locked', () => {
  it('inbox.db: is answered 503 in time, holds up nothing else, and loses nothing', async () => {
    const gateway = await startGateway();
    try {
      await hangInbox(gateway, async () => lock(gateway.dataDir, 'inbox.db'));
    } finally {
      await gateway.close();
    }
  });

  it('store.db: what is known goes on being acknowledged, and is delivered after', async () => {
    const gateway = await startGateway();
    try {
      expect((await gateway.post('before')).status).toBe(202);
      await gateway.untilDelivered();

      const unlock = lock(gateway.dataDir, 'store.db');
      const lockedAt = performance.now();
      const answers: TimedAnswer[] = [];
      const isEnough = () => performance.now() > lockedAt + LOCKED_MS && answers.length > 20;
      for (let at = 0; !isEnough(); at += 1) {
        answers.push(await gateway.post(`during-${at}`));
        await sleep(100); // the pace of a sender, not a wait for anything
      }
      await expectAtOnce(() => gateway.handshake());
      const { status, text } = await gateway.get('/health/ready');
      expect(gateway.missing()).toHaveLength(answers.length);
      await unlock();

      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 202));
      // Whoever waits for the store waits until the deadline.
      const took = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
      expect(took[took.length >> 1]).toBeLessThan(300);
      expect(took[Math.floor(0.9 * took.length)]).toBeLessThan(1900);
      expect(answers.length).toBeGreaterThan(20);
      expect({ status, checks: JSON.parse(text).checks }).toMatchObject({
        status: 503,
        checks: { store: { status: 'unhealthy' }, inbox: { status: 'healthy' } },
      });
      await gateway.untilDelivered();
    } finally {
      await gateway.close();
    }
  });
});
