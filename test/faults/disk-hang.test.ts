import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { hangSyncs } from './attach-strace.ts';
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
  }, 60_000);

  it('does not keep the service from being stopped', async () => {
    const gateway = await startGateway({ env: { SHUTDOWN_TIMEOUT_MS: '1000' } });
    const disk = await hangSyncs(gateway.child.pid, join(gateway.dataDir, 'inbox.db-wal'));
    try {
      expect((await gateway.post('hung')).status).toBe(503);
      const startedAt = performance.now();
      await gateway.child.end('SIGTERM');
      expect(performance.now() - startedAt).toBeLessThan(3000);
    } finally {
      await disk.detach();
      await gateway.close();
    }
  }, 60_000);
});
