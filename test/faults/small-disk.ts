import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { runs, type Need } from './needs.ts';

/** A file system of its own, in memory, that is soon full. */
export interface SmallDisk {
  readonly path: string;
  /** Fills it with a file until so many bytes are left; with 0 to the last one. */
  fill(leaveBytes: number): void;
  /** Removes what fills it. */
  makeRoom(): void;
  /** Changes how much it holds. */
  resize(megabytes: number): void;
  unmount(): void;
}

export const SMALL_DISK: Need = {
  name: 'leave to mount a tmpfs (root)',
  isThere() {
    const folder = temporaryFolder();
    try {
      return mounts(folder.path) && runs('umount', [folder.path]);
    } finally {
      folder.remove();
    }
  },
};

export function mountSmallDisk(megabytes: number): SmallDisk {
  const { path, remove } = temporaryFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  const ballast = join(path, 'ballast');
  return {
    path,
    fill(leaveBytes) {
      const file = openSync(ballast, 'a');
      while (freeBytes(path) > leaveBytes && grow(file));
      closeSync(file);
    },
    makeRoom: () => rmSync(ballast),
    resize(size) {
      execFileSync('mount', ['-o', `remount,size=${size}m`, path]);
    },
    unmount() {
      // Lazily: a process that is about to end may still have files open.
      execFileSync('umount', ['-l', path]);
      remove();
    },
  };
}

function mounts(path: string): boolean {
  return runs('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** By one page; `false` when there is no room for it. */
function grow(file: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(4096)) > 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
