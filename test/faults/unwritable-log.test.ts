import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/wait.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const SHUTDOWN_TIMEOUT_MS = 10_000;
// A pipe holds 64 KiB; a line of the log has more than 200 bytes.
const REQUESTS = 600;

const HANGING_WRITES = `import fs, { write } from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  fs.write = (fd, ...rest) => (fd === 1 ? undefined : write(fd, ...rest));
  syncBuiltinESMExports();`;

describe('a service that cannot write its log', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let files: number[];
  let child: ChildProcess | undefined;

  beforeEach(() => {
    folder = temporaryFolder();
    files = [];
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    for (const file of files) closeSync(file);
    folder.remove();
  });

  function open(path: string, flags: number): number {
    const file = openSync(path, flags);
    files.push(file);
    return file;
  }

  /** Both ends of a pipe, of which nobody reads. */
  function openFifo(): { reader: number; writer: number } {
    const path = join(folder.path, 'fifo');
    execFileSync('mkfifo', [path]);
    const reader = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { reader, writer: open(path, constants.O_WRONLY) };
  }

  /** Runs the service until it was asked much, and then told to end. */
  async function run(options: {
    stdout: number;
    nodeArgs?: readonly string[];
    meanwhile?: () => void;
    /** Told to end a second time while it still serves those who come. */
    isToldTwice?: boolean;
  }) {
    const port = await freePort();
    const service = spawn(process.execPath, [...(options.nodeArgs ?? []), MAIN], {
      stdio: ['ignore', options.stdout, 'pipe'],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'test',
        PORT: String(port),
        METRICS_ENABLED: 'false',
        DATA_DIR: join(folder.path, 'data'),
        MIN_FREE_DISK_MB: '0',
        RATE_LIMIT_MAX: '1000000',
        SHUTDOWN_TIMEOUT_MS: String(SHUTDOWN_TIMEOUT_MS),
        DRAIN_DELAY_MS: options.isToldTwice === true ? '60000' : '0',
      },
    });
    child = service;
    let errors = '';
    service.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const ended = once(service, 'close');
    const url = `http://127.0.0.1:${port}`;
    const status = (path: string) => fetch(url + path).then((answer) => answer.status);
    await until(() => status('/health').then((code) => code === 200, isRefused), 'it serves');
    options.meanwhile?.();
    for (let at = 0; at < REQUESTS; at += 1) expect(await status('/nowhere')).toBe(404);
    expect(await status('/health')).toBe(200);
    const toldAt = performance.now();
    service.kill('SIGTERM');
    if (options.isToldTwice === true) {
      await until(async () => (await status('/health/ready')) === 503, 'it says that it ends');
      service.kill('SIGTERM');
    }
    const [code, signal] = await ended;
    return { code, signal, errors, tookMs: performance.now() - toldAt };
  }

  it.each([
    ['to a full disk', () => ({ stdout: open('/dev/full', constants.O_WRONLY) })],
    ['to a pipe that nobody reads', () => ({ stdout: openFifo().writer })],
    [
      'to a pipe whose reader dies',
      () => {
        const { reader, writer } = openFifo();
        files = [writer];
        return { stdout: writer, meanwhile: () => closeSync(reader) };
      },
    ],
  ])('%s serves on, and ends in time with 0', async (_name, prepare) => {
    const { code, signal, errors, tookMs } = await run(prepare());
    expect({ code, signal, errors }).toEqual({ code: 0, signal: null, errors: '' });
    expect(tookMs).toBeLessThan(SHUTDOWN_TIMEOUT_MS + 1000);
  });

  it.each([
    ['at the end', false],
    ['when it is told twice', true],
  ])(
    'to a disk that hangs serves on, and is killed %s: no exit would end',
    async (_when, isToldTwice) => {
      const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(HANGING_WRITES)}`];
      const stdout = open('/dev/null', constants.O_WRONLY);
      const { signal, errors, tookMs } = await run({ stdout, nodeArgs, isToldTwice });
      expect(signal).toBe('SIGKILL');
      expect(errors).toBe('A write of the log does not end: killing the process\n');
      expect(tookMs).toBeLessThan(SHUTDOWN_TIMEOUT_MS + 1000);
    },
  );
});

function isRefused(error: unknown): false {
  expect(error).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  return false;
}
