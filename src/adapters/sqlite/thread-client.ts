import { getCompileCacheDir } from 'node:module';
import { basename, dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Call, Reply, ThreadData } from './thread.ts';

/** A database file with a thread of its own. */
export interface SqliteThread {
  /**
   * Runs a procedure and resolves once what it wrote is durable. Calls gather while a batch is in
   * the thread, and then go together in one transaction, in the order they were made.
   *
   * Rejects with `StoreUnavailableError` when the procedure fails, or at `deadline` (epoch ms;
   * default: the thread's time limit from now). A call whose deadline passes before its batch has
   * left is never run; of a later one it is unknown.
   */
  call(name: string, argument: unknown, options?: CallOptions): Promise<unknown>;
  /** Whether a batch is in the thread; after `close`, whether that hangs in one. */
  isBusy(): boolean;
  /** Runs what has been called, then ends the thread; a thread that hangs is cut off. */
  close(): Promise<void>;
}

export interface CallOptions {
  readonly deadline?: number;
  /** Called when the write is durable, even if the caller has given up by then. */
  readonly durable?: () => void;
}

interface Waiting {
  readonly call: Call;
  readonly deadline: number;
  readonly durable: (() => void) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly cancelTimer: Cancel;
}

export interface ThreadOptions extends ThreadData {
  /** The module that calls `serve`. */
  readonly entry: URL;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
}

// Bounds how long a commit can take, and so how long the next ones wait for it.
const MAX_BATCH = 512;
// A thread that ended by itself is started anew, but not in a loop.
const RESTART_AFTER_MS = 1000;

/** Starts a thread for a file; resolves when the file is open and its schema is up to date. */
export async function openThread(options: ThreadOptions): Promise<SqliteThread> {
  const { clock, file, log } = options;
  const gathered = new Set<Waiting>();
  let inFlight: Waiting[] | undefined;
  let flushing = false;
  let closing = false;
  let worker: Worker | undefined;
  worker = await startWorker();

  function call(name: string, argument: unknown, { deadline, durable }: CallOptions = {}) {
    // Nobody is left to answer it, and none will come.
    if (closing && worker === undefined) return Promise.reject(unavailable('closed'));
    return new Promise<unknown>((resolve, reject) => {
      const now = clock.now();
      const end = deadline ?? now + options.timeoutMs;
      // What is given up lets go of its argument, also while the thread hangs.
      const giveUp = () => {
        gathered.delete(waiting);
        reject(unavailable('no answer'));
      };
      const waiting: Waiting = {
        call: [name, argument],
        deadline: end,
        durable,
        resolve,
        reject,
        cancelTimer: clock.after(Math.max(0, end - now), giveUp),
      };
      gathered.add(waiting);
      scheduleFlush();
    });
  }

  // After the poll phase, not at once: what arrived together goes together.
  function scheduleFlush(): void {
    if (flushing) return;
    flushing = true;
    setImmediate(flush);
  }

  function flush(): void {
    flushing = false;
    if (inFlight !== undefined || worker === undefined) return;
    const batch = takeBatch();
    if (batch.length === 0) return;
    inFlight = batch;
    worker.postMessage(batch.map(({ call }) => call));
  }

  function takeBatch(): Waiting[] {
    const now = clock.now();
    const batch: Waiting[] = [];
    for (const waiting of gathered) {
      if (batch.length === MAX_BATCH) break;
      gathered.delete(waiting);
      if (waiting.deadline > now) batch.push(waiting);
    }
    return batch;
  }

  function onReplies(replies: readonly Reply[]): void {
    const batch = inFlight ?? [];
    inFlight = undefined;
    flush();
    for (const [index, waiting] of batch.entries()) {
      const reply = replies[index];
      waiting.cancelTimer();
      if (reply === undefined || 'error' in reply) {
        waiting.reject(unavailable(reply?.error ?? 'no reply'));
      } else {
        waiting.durable?.();
        waiting.resolve(reply.value);
      }
    }
  }

  function unavailable(why: string): StoreUnavailableError {
    return new StoreUnavailableError(file, new Error(`${basename(file)}: ${why}`));
  }

  function startWorker(): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const { readOnly } = options;
      const workerData: ThreadData = { file, readOnly };
      const started = new Worker(options.entry, { workerData, env: compileCache() });
      started.on('message', (message: readonly Reply[] | 'open') => {
        if (message === 'open') resolve(started);
        else onReplies(message);
      });
      started.once('error', reject);
      started.on('error', (err) => log.error({ err, file }, 'a database thread failed'));
      started.once('exit', () => {
        reject(new Error(`${basename(file)}: the thread ended before the file was open`));
        if (worker === started) onExit();
      });
    });
  }

  function onExit(): void {
    worker = undefined;
    const lost = [...(inFlight ?? []), ...gathered];
    inFlight = undefined;
    gathered.clear();
    for (const waiting of lost) {
      waiting.cancelTimer();
      waiting.reject(unavailable('the thread ended'));
    }
    if (!closing) clock.after(RESTART_AFTER_MS, restart);
  }

  function restart(): void {
    if (closing) return;
    startWorker().then(
      (started) => {
        worker = started;
        flush();
        // Closed while it started: nobody else would end it.
        if (closing) void started.terminate();
      },
      () => clock.after(RESTART_AFTER_MS, restart),
    );
  }

  return {
    call,
    isBusy: () => inFlight !== undefined,
    async close() {
      await call('ping', null).catch((err: unknown) =>
        log.warn({ err, file }, 'closed unanswered'),
      );
      closing = true;
      const ending = worker;
      if (ending === undefined) return;
      await new Promise<void>((resolve) => {
        // One that waits for its disk cannot even be ended, and is not waited for.
        const cut = clock.after(options.timeoutMs, () => {
          void ending.terminate();
          resolve();
        });
        ending.once('exit', () => {
          cut();
          resolve();
        });
        ending.postMessage('close');
      });
    },
  };
}

/** The environment of a thread: nothing but where its compiled modules are, if they are kept. */
function compileCache(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
