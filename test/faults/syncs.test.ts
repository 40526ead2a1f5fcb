import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { attachStrace, failSyncs } from './attach-strace.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { describeWith, STRACE } from './needs.ts';
import { isAccepted, isSync, readTrace, type TracedCall } from './sync-trace.ts';

/** Every write and sync of the service while `work` runs; each sync takes as long as on a disk. */
async function trace(
  gateway: Gateway,
  work: () => Promise<void>,
  syncMs = 5,
): Promise<TracedCall[]> {
  const file = join(gateway.dataDir, 'trace');
  const calls = 'write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync';
  const slow = `fsync,fdatasync:delay_enter=${syncMs * 1000}`;
  const options = ['-o', file, '-s', '5000', '-e', `trace=${calls}`, '-e', `inject=${slow}`];
  const strace = await attachStrace(gateway.child.pid, options);
  try {
    await work();
  } finally {
    await strace.detach();
  }
  return readTrace(file);
}

describeWith(STRACE, 'the syncs of the disk', () => {
  it('come between the write of a notification and its acknowledgement', async () => {
    const gateway = await startGateway();
    try {
      const ids = Array.from({ length: 20 }, (_, at) => `synced-${at}-end`);
      const calls = await trace(gateway, async () => {
        for (const id of ids) expect((await gateway.post(id)).status).toBe(202);
      });
      const log = join(gateway.dataDir, 'inbox.db-wal');
      const answers = calls.filter(isAccepted);
      expect(answers).toHaveLength(ids.length);
      for (const [at, id] of ids.entries()) {
        const written = calls.find(
          (call) => call.name === 'pwrite64' && call.file === log && call.text.includes(id),
        );
        const synced = calls.find(
          (call) => isSync(call) && call.file === log && call.began > (written?.ended ?? Infinity),
        );
        // Compared as lines of the trace: written, then synced to the end, then answered.
        expect({ id, endedAt: synced?.ended }).toEqual({ id, endedAt: expect.any(Number) });
        expect(synced?.ended).toBeLessThan(answers[at]?.began ?? 0);
      }
    } finally {
      await gateway.close();
    }
  });

  it('are shared by notifications that come together', async () => {
    const gateway = await startGateway();
    try {
      const posts = 60;
      const postAll = async () => {
        const all = Array.from({ length: posts }, (_, at) => gateway.post(`shared-${at}`));
        for (const { status } of await Promise.all(all)) expect(status).toBe(202);
      };
      // Long enough for those that a busy machine sends one after the other to come together.
      const calls = await trace(gateway, postAll, 100);
      const answers = calls.filter(isAccepted);
      expect(answers).toHaveLength(posts);
      const log = join(gateway.dataDir, 'inbox.db-wal');
      const syncs = calls.filter(
        (call) => isSync(call) && call.file === log && call.began < (answers.at(-1)?.began ?? 0),
      );
      expect(syncs.length).toBeGreaterThan(0);
      expect(syncs.length).toBeLessThan(posts / 4);
    } finally {
      await gateway.close();
    }
  });

  it('are not taken for done when they fail', async () => {
    const gateway = await startGateway();
    try {
      const disk = await failSyncs(gateway.child.pid, join(gateway.dataDir, 'inbox.db-wal'));
      const refused = await gateway.post('unsynced');
      await disk.detach();
      expect(refused).toMatchObject({ status: 503, retryAfter: 1 });
      expect((await gateway.post('synced')).status).toBe(202);
      await gateway.untilDelivered();
      await gateway.untilSaid(/inbox\.db: disk I\/O error/);
    } finally {
      await gateway.close();
    }
  });
});
