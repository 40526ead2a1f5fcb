import { write, writeSync } from 'node:fs';
import { isNativeError } from 'node:util/types';
import type { Cancel, Clock } from '../../ports/clock.ts';

const MAX_UNWRITTEN_BYTES = 8 * 1024 * 1024;
// A disk stays full for long, while a reader is back in no time.
const FIRST_WAIT_MS = 1;
const MAX_WAIT_MS = 1000;
const MAX_FLUSH_MS = 500;
// A thread that is so long in one write stands in its disk.
const STUCK_MS = 250;
const NOTHING = Buffer.alloc(0);
const EXIT_PAUSE_MS = 5;
const pauses = new Int32Array(new SharedArrayBuffer(4));

interface LogOutputDeps {
  readonly fd: number;
  /** Of a pipe or socket that is non-blocking: a thread would only hide how much of it was written. */
  readonly neverWaits: boolean;
  readonly clock: Clock;
  /** Told, once all is written again, how many lines were not. */
  readonly dropped: (lines: number) => void;
}

/**
 * Takes the lines of a log at once, and writes them after whatever is running, as many as there are by
 * then: in a thread of libuv, unless a write never waits. Where they cannot be written, on a full disk
 * or to a reader that stalls or died, nobody waits and nothing fails: up to 8 MiB are kept, and tried
 * again each second at least. Beyond that they are dropped until all that was kept is written, so that
 * the gap has one place, where its size is told.
 */
export class LogOutput {
  readonly #deps: LogOutputDeps;
  #state: 'idle' | 'due' | 'writing' | 'waiting' = 'idle';
  #lines: string[] = [];
  /** What goes before the lines, some of it perhaps written. */
  #rest: Buffer = NOTHING;
  #unwrittenBytes = 0;
  #droppedLines = 0;
  #writingSince = 0;
  #waitMs = FIRST_WAIT_MS;
  #cancelWait: Cancel = () => undefined;
  #flushed: (() => void)[] = [];

  constructor(deps: LogOutputDeps) {
    this.#deps = deps;
  }

  write(line: string): void {
    if (this.#droppedLines > 0 || this.#unwrittenBytes > MAX_UNWRITTEN_BYTES) {
      this.#droppedLines += 1;
      return;
    }
    this.#lines.push(line);
    this.#unwrittenBytes += Buffer.byteLength(line);
    if (this.#state !== 'idle') return;
    this.#state = 'due';
    process.nextTick(() => this.#writeOn());
  }

  /** Resolves when all is written, and after half a second where that cannot be done. */
  flush(): Promise<void> {
    if (this.#state === 'idle') return Promise.resolve();
    return new Promise((resolve) => {
      this.#flushed.push(resolve);
      this.#deps.clock.after(MAX_FLUSH_MS, resolve);
      if (this.#state !== 'waiting') return;
      this.#cancelWait();
      this.#waitMs = FIRST_WAIT_MS;
      this.#writeOn();
    });
  }

  /** Whether a write does not come back. An exit would wait for its thread, for ever perhaps. */
  isStuck(): boolean {
    return this.#state === 'writing' && this.#deps.clock.now() - this.#writingSince >= STUCK_MS;
  }

  /** For the exit: writes what is left, for half a second where its reader is slow. */
  end(): void {
    // What a thread is writing is written before the process is gone.
    const rest = this.#state === 'writing' ? NOTHING : this.#rest;
    let left: Buffer = Buffer.concat([rest, Buffer.from(this.#lines.join(''))]);
    const endsAt = performance.now() + MAX_FLUSH_MS;
    while (left.length > 0 && performance.now() < endsAt) {
      const bytes = this.#tryToWrite(left);
      if (bytes === undefined) return; // where would it be told? This was the log
      if (bytes === 0) Atomics.wait(pauses, 0, 0, EXIT_PAUSE_MS);
      left = left.subarray(bytes);
    }
  }

  /** How much of it was written now; `undefined` when that failed for more than a moment. */
  #tryToWrite(buffer: Buffer): number | undefined {
    try {
      return writeSync(this.#deps.fd, buffer);
    } catch (error) {
      const isFull = isNativeError(error) && 'code' in error && error.code === 'EAGAIN';
      return isFull ? 0 : undefined;
    }
  }

  #writeOn(): void {
    if (this.#rest.length === 0) {
      this.#rest = Buffer.from(this.#lines.join(''));
      this.#lines = [];
    }
    if (this.#deps.neverWaits) {
      const bytes = this.#tryToWrite(this.#rest);
      if (bytes) this.#wrote(bytes);
      else this.#wait();
      return;
    }
    this.#state = 'writing';
    this.#writingSince = this.#deps.clock.now();
    write(this.#deps.fd, this.#rest, (error, bytes) => {
      if (error === null) this.#wrote(bytes);
      else this.#wait();
    });
  }

  #wrote(bytes: number): void {
    this.#waitMs = FIRST_WAIT_MS;
    this.#rest = this.#rest.subarray(bytes);
    this.#unwrittenBytes -= bytes;
    if (this.#unwrittenBytes === 0) this.#tellDropped();
    if (this.#unwrittenBytes > 0) {
      this.#writeOn();
      return;
    }
    this.#state = 'idle';
    for (const resolve of this.#flushed.splice(0)) resolve();
  }

  #tellDropped(): void {
    const lines = this.#droppedLines;
    this.#droppedLines = 0;
    if (lines > 0) this.#deps.dropped(lines);
  }

  /** A reader that stalls (EAGAIN) or died (EPIPE), a full disk (ENOSPC): all may come to an end. */
  #wait(): void {
    this.#state = 'waiting';
    this.#cancelWait = this.#deps.clock.after(this.#waitMs, () => this.#writeOn());
    this.#waitMs = Math.min(2 * this.#waitMs, MAX_WAIT_MS);
  }
}
