import { spawnSync } from 'node:child_process';
import { describe, it } from '@jest/globals';

/** Something of the machine that not every machine has. */
export interface Need {
  readonly name: string;
  readonly isThere: () => boolean;
}

export const STRACE: Need = {
  name: 'strace, and leave to trace processes',
  isThere: () => runs('strace', ['-o', '/dev/null', 'true']),
};

export const PRLIMIT: Need = {
  name: 'prlimit (util-linux)',
  isThere: () => runs('prlimit', ['--fsize=1000000:unlimited', 'true']),
};

/** A suite that is left out, loudly, where something is missing; in CI that is a failure. */
export function describeWith(need: Need, name: string, suite: () => void): void {
  if (need.isThere()) {
    describe(name, suite);
  } else if (process.env['CI'] === 'true') {
    it(`${name}: needs ${need.name}`, () => {
      throw new Error(`missing here, and CI must have it: ${need.name}`);
    });
  } else {
    process.stderr.write(`LEFT OUT: ${name}: missing here: ${need.name}\n`);
    describe.skip(name, suite);
  }
}

export function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
