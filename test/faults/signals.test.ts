import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, describe, it } from '@jest/globals';
import { BIN } from '../cli/command.ts';
import { temporaryFolder } from '../support/folder.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

/** Node's arguments for running this first. */
const preloaded = (source: string) => [
  '--import',
  `data:text/javascript,${encodeURIComponent(source)}`,
];

describe('told to end', () => {
  /** Runs the service until it is gone; `seen` may end it at any line of its log. */
  async function run(
    options: {
      nodeArgs?: readonly string[];
      program?: readonly string[];
      env?: Record<string, string>;
    },
    seen: (message: string, kill: (signal: NodeJS.Signals) => void) => void,
  ) {
    const folder = temporaryFolder();
    const { PATH } = process.env;
    const env = { PATH, NODE_ENV: 'test', PORT: '0', METRICS_PORT: '0', DATA_DIR: folder.path };
    const child = spawn(
      process.execPath,
      [...(options.nodeArgs ?? []), ...(options.program ?? [MAIN])],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...env, MIN_FREE_DISK_MB: '0', ...options.env },
      },
    );
    const messages: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { msg } = JSON.parse(line) as { msg: string };
      messages.push(msg);
      seen(msg, (signal) => child.kill(signal));
    });
    const [code] = await once(child, 'close');
    folder.remove();
    return { code, messages };
  }

  it.each([
    ['src/main.ts', [MAIN]],
    ['sallyport start', [BIN, 'start']],
  ])('while %s loads, ends all the same', async (_name, program) => {
    // As process 1 of a container it would not, unless it listened: so what counts is the code.
    const hook = `import { registerHooks } from 'node:module';
      registerHooks({ load(url, context, next) {
        if (url.endsWith('/run.ts')) process.kill(process.pid, 'SIGTERM');
        return next(url, context);
      } });`;
    const { code, messages } = await run({ nodeArgs: preloaded(hook), program }, () => undefined);
    expect(code).toBe(0);
    expect(messages.at(-1) ?? 'stopped').toBe('stopped'); // before its first line, or in order
  });

  it('while it starts, starts first and then stops in order', async () => {
    const { code, messages } = await run({}, (message, kill) => {
      if (message === 'stores are open') kill('SIGTERM');
    });
    expect(code).toBe(0);
    const steps = ['workers have started', 'draining', 'stores are closed', 'stopped'];
    expect(messages.filter((message) => steps.includes(message))).toEqual(steps);
    expect(messages.at(-1)).toBe('stopped');
  });

  it('twice, ends at once and says so', async () => {
    const { code, messages } = await run({ env: { DRAIN_DELAY_MS: '60000' } }, (message, kill) => {
      if (message.startsWith('Sallyport listens') || message === 'draining') kill('SIGTERM');
    });
    expect(code).toBe(1);
    expect(messages.at(-1)).toBe('told to end again, and ends at once');
  });

  it.each([
    ['hang', 'new Promise(() => {})', '2000', 'the stop took too long and is given up'],
    ['fail', 'Promise.reject(new Error("EIO"))', '30000', 'the stop failed'],
  ])('says so when its stores %s at the end', async (_what, closing, stopMs, last) => {
    const nodeArgs = preloaded(`AsyncDisposableStack.prototype.disposeAsync = () => ${closing}`);
    const env = { SHUTDOWN_TIMEOUT_MS: stopMs };
    const { code, messages } = await run({ nodeArgs, env }, (message, kill) => {
      if (message.startsWith('Sallyport listens')) kill('SIGTERM');
    });
    expect(code).toBe(1);
    expect(messages.at(-1)).toBe(last);
  });
});
