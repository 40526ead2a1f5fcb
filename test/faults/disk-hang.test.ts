import { join } from 'node:path';
import { it, jest } from '@jest/globals';
import { hangSyncs } from './attach-strace.ts';
import { startGateway } from './gateway.ts';
import { hangInbox } from './hang-scenario.ts';
import { describeWith, STRACE } from './needs.ts';

jest.setTimeout(60_000);

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
});
