import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it } from '@jest/globals';
import { BIN } from '../cli/command.ts';
import { temporaryFolder } from '../support/folder.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

// Linux tells the threads of a process; elsewhere this is left out, and the run counts it as skipped.
const onLinux = process.platform === 'linux' ? it : it.skip;

describe('the threads that look-ups share', () => {
  /** How many threads the service has once it listens. */
  async function threadsOf(program: readonly string[], env: Record<string, string>) {
    const folder = temporaryFolder();
    const { PATH } = process.env;
    const base = { PATH, NODE_ENV: 'test', PORT: '0', METRICS_PORT: '0', DATA_DIR: folder.path };
    const child = spawn(process.execPath, program, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...base, MIN_FREE_DISK_MB: '0', ...env },
    });
    let threads = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.includes('Sallyport listens')) return;
      threads = readdirSync(`/proc/${child.pid}/task`).length;
      child.kill('SIGKILL');
    });
    await once(child, 'close');
    folder.remove();
    return threads;
  }

  // Node reads a variable that is set too late without a word: libuv has its four threads by then.
  onLinux.each([
    ['src/main.ts', [MAIN]],
    ['sallyport start', [BIN, 'start']],
  ])('are 64 in %s, unless the environment says otherwise', async (_name, program) => {
    const few = await threadsOf(program, { UV_THREADPOOL_SIZE: '4' });
    expect(few).toBeGreaterThan(4);
    expect(await threadsOf(program, {})).toBeGreaterThan(few + 50);
  });
});
