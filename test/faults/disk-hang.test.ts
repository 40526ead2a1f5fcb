import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { hangSyncs } from './attach-strace.ts';
import { until } from '../support/wait.ts';
import { startGateway } from './gateway.ts';
import { hangInbox } from './hang-scenario.ts';
import { describeWith, STRACE } from './needs.ts';

describeWith(STRACE, 'a disk that hangs in a sync', () => {
  it('is answered 503 in time, holds up nothing else, and loses nothing', async () => {
    const gateway = await startGateway();
    try {
      await hangInbox(gateway, async () => {
        const disk = await hangSyncs(gateway.child.pid, join(gateway.dataDir, 'inbox.db-wal'));
        return () => disk.detach();
      });
    } finally {
      await gateway.close();
    }
  });

  it('does not keep a process from ending that was told to', async () => {
    const gateway = await startGateway({
      env: { SHUTDOWN_TIMEOUT_MS: '1000', STORE_TIMEOUT_MS: '1000' },
    });
    try {
      expect((await gateway.post('before')).status).toBe(202);
      const disk = await hangSyncs(gateway.child.pid, join(gateway.dataDir, 'inbox.db-wal'));
      try {
        // Refused: from then on its write stands in the sync.
        expect((await gateway.post('late')).status).toBe(503);
        const ended = gateway.child.end('SIGTERM');
        await until(
          () => gateway.child.errors().includes('killing the process'),
          'it gives up',
          20_000,
        );
        // strace keeps the dead from being seen until it lets go.
        await disk.detach();
        // No exit code: an exit would have waited for the thread that hangs.
        expect(await ended).toBeNull();
      } finally {
        await disk.detach();
      }
    } finally {
      await gateway.close();
    }
  });
});
