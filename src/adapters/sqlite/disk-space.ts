import { statfs } from 'node:fs/promises';
import type { DiskSpace } from '../../ports/disk-space.ts';

/** The file system of the data folder. */
export function createDiskSpace(dataDir: string): DiskSpace {
  return {
    async freeBytes() {
      const { bavail, bsize } = await statfs(dataDir);
      return bavail * bsize;
    },
  };
}
