import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { isNativeError } from 'node:util/types';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LogOutput } from '../../src/adapters/telemetry/log-output.ts';
import type { Cancel } from '../../src/ports/clock.ts';
import { TurnedClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/wait.ts';

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const MEBIBYTE = 1024 * 1024;

/** Also knows how long it was asked to wait. */
class WatchedClock extends TurnedClock {
  readonly waits: number[] = [];

  override after(ms: number, run: () => void): Cancel {
    this.waits.push(ms);
    return super.after(ms, run);
  }
}

describe('the output of the log', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let clock: WatchedClock;
  let dropped: number[];
  let files: number[];

  beforeEach(() => {
    folder = temporaryFolder();
    clock = new WatchedClock();
    dropped = [];
    files = [];
  });
  afterEach(() => {
    for (const file of files) closeSync(file);
    folder.remove();
  });

  function open(path: string, flags: number | string): number {
    const file = openSync(path, flags);
    files.push(file);
    return file;
  }

  function close(file: number): void {
    files = files.filter((each) => each !== file);
    closeSync(file);
  }

  function outputTo(fd: number, neverWaits = false): LogOutput {
    const output: LogOutput = new LogOutput({
      fd,
      neverWaits,
      clock,
      dropped(lines) {
        dropped.push(lines);
        output.write(`dropped ${lines}\n`);
      },
    });
    return output;
  }

  /** A reader that reads when it is told to, and an output to it. */
  function openFifo(writing = O_WRONLY | O_NONBLOCK) {
    const path = join(folder.path, `fifo-${files.length}`);
    execFileSync('mkfifo', [path]);
    const reader = open(path, O_RDONLY | O_NONBLOCK);
    return { path, reader, output: outputTo(open(path, writing), (writing & O_NONBLOCK) !== 0) };
  }

  /** Fills the pipe, and resolves when a write has failed. */
  async function stall(output: LogOutput): Promise<void> {
    output.write(`${'x'.repeat(MEBIBYTE)}\n`);
    await until(() => clock.waits.length > 0, 'the pipe is full');
  }

  /** Lets time pass and reads what comes by then, until `text` is among it. */
  async function readUntil(reader: number, text: string): Promise<string> {
    let seen = '';
    await until(async () => {
      await clock.turn(1000);
      seen += readAll(reader);
      return seen.includes(text);
    }, `${text} is read`);
    return seen;
  }

  it('has written everything, in its order, when it is flushed', async () => {
    const path = join(folder.path, 'log');
    const output = outputTo(open(path, 'a'));
    const lines = Array.from({ length: 1000 }, (_, at) => `line ${at} ü\n`);
    for (const line of lines) output.write(line);
    expect(readFileSync(path, 'utf8')).toBe(''); // not while somebody waits for it
    await output.flush();
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    await output.flush(); // nothing to do
  });

  it('keeps lines while their reader stalls, and writes them whole when it goes on', async () => {
    const { reader, output } = openFifo();
    await stall(output);
    output.write('after\n');
    const seen = await readUntil(reader, 'after\n');
    expect(seen).toBe(`${'x'.repeat(MEBIBYTE)}\nafter\n`);
    expect(dropped).toEqual([]);
  });

  it('drops lines beyond 8 MiB, and tells once how many, where they would stand', async () => {
    const { reader, output } = openFifo();
    await stall(output);
    for (let at = 0; at < 10; at += 1) output.write(`${at}${'y'.repeat(MEBIBYTE)}\n`);
    expect(dropped).toEqual([]);
    const seen = await readUntil(reader, 'dropped 2\n');
    expect(dropped).toEqual([2]);
    expect(seen.match(/^\d(?=y)/gm)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    output.write('after\n');
    expect(await readUntil(reader, '\n')).toBe('after\n');
  });

  it('goes on with the next reader of a pipe when the first one died', async () => {
    const { path, reader, output } = openFifo();
    close(reader);
    output.write('kept\n');
    await until(() => clock.waits.length > 0, 'nobody reads');
    const next = open(path, O_RDONLY | O_NONBLOCK);
    expect(await readUntil(next, '\n')).toBe('kept\n');
  });

  it('tries once a second while the disk is full, however much is logged', async () => {
    const output = outputTo(open('/dev/full', 'w'));
    output.write('first\n');
    for (let tries = 1; tries < 20; tries += 1) {
      await until(() => clock.waits.length === tries, `try ${tries}`);
      output.write('more\n');
      await clock.turn(clock.waits.at(-1) ?? 0);
    }
    expect(clock.waits.slice(0, 12)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000]);
  });

  it('is not waited for longer than half a second', async () => {
    const { output } = openFifo();
    await stall(output);
    let flushed = false;
    void output.flush().then(() => (flushed = true));
    await clock.turn(499);
    expect(flushed).toBe(false);
    await clock.turn(1);
    expect(flushed).toBe(true);
    await until(() => !output.isStuck(), 'a try fails: an exit would wait for nothing');
  });

  it('writes at the exit what is left, as far as it can', async () => {
    const { reader, output } = openFifo();
    output.write('one\n');
    output.write('two\n');
    output.end();
    expect(readAll(reader)).toBe('one\ntwo\n');
    const full = openFifo();
    await stall(full.output);
    full.output.end();
    outputTo(open('/dev/full', 'w')).end();
  });

  it('writes at the exit in its order, also to a reader that is slow', async () => {
    const path = join(folder.path, 'fifo');
    execFileSync('mkfifo', [path]);
    // Into a file, since this process reads nothing while it ends its output.
    const script = `exec 3<${path}; sleep 0.1; cat <&3 >${path}.read`;
    const reader = spawn('sh', ['-c', script], { stdio: 'ignore' });
    const output = outputTo(open(path, O_RDWR | O_NONBLOCK), true);
    const lines = Array.from({ length: 3000 }, (_, at) => `line ${at} of ${'x'.repeat(90)}\n`);
    for (const line of lines.slice(0, 2000)) output.write(line);
    await until(() => clock.waits.length > 0, 'the pipe is full');
    for (const line of lines.slice(2000)) output.write(line);
    output.end();
    for (const file of files.splice(0)) closeSync(file);
    await once(reader, 'exit');
    expect(readFileSync(`${path}.read`, 'utf8')).toBe(lines.join(''));
  });

  it('knows of a write that does not come back', async () => {
    const { reader, output } = openFifo(O_WRONLY); // a thread waits in it for the reader
    output.write(`${'x'.repeat(MEBIBYTE)}\n`);
    await clock.turn(0);
    await clock.turn(249);
    expect(output.isStuck()).toBe(false);
    await clock.turn(1);
    expect(output.isStuck()).toBe(true);
    await readUntil(reader, '\n');
    await until(() => !output.isStuck(), 'it comes back');
  });
});

/** What is there by now. */
function readAll(reader: number): string {
  const buffer = Buffer.alloc(MEBIBYTE);
  let text = '';
  for (;;) {
    const bytes = readSome(reader, buffer);
    if (bytes === 0) return text;
    text += buffer.toString('utf8', 0, bytes);
  }
}

function readSome(reader: number, buffer: Buffer): number {
  try {
    return readSync(reader, buffer);
  } catch (error) {
    if (isNativeError(error) && 'code' in error && error.code === 'EAGAIN') return 0;
    throw error;
  }
}
