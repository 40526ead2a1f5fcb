import { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { createLog } from './adapters/telemetry/log.ts';
import { LogOutput } from './adapters/telemetry/log-output.ts';
import { systemClock } from './adapters/telemetry/clock.ts';
import { compose, type Service, type StopOptions } from './compose.ts';
import { readConfig, type Config } from './config.ts';
import { createRedactor, type Redact } from './domain/redact.ts';
import type { Log } from './ports/log.ts';
import { secretsIn } from './secrets-in.ts';

// For what a client has begun to send when it is told to go, slow as it may be.
const MAX_GRACE_MS = 1000;

// After an error nothing can be relied on: what is acknowledged is on the disk.
const AT_ONCE: StopOptions = { drainDelayMs: 0, graceMs: 0, cutAfterMs: 1000 };

/** The process: configuration, compose, listen, signals. */
export async function run(): Promise<void> {
  const config = orExit(() => readConfig(process.env));
  const redactor = createRedactor(secretsIn(config));
  const { log, output } = openLog(config, redactor.clean);
  let service: Service | undefined;
  let isStopping = false;
  const starting = Promise.withResolvers<void>();

  closeWithGrace(
    {
      delay: config.drainDelayMs + config.shutdownTimeoutMs,
      logger: false,
      // What is logged here is written at the exit.
      onTimeout(limitMs) {
        log.error({ limitMs }, 'the stop took too long and is given up');
        endIfStoresStuck(service);
        endIfLogStuck(output);
      },
      onSecondSignal(signal) {
        log.warn({ signal }, 'told to end again, and ends at once');
        endIfLogStuck(output);
      },
      onSecondError(err) {
        log.error({ err }, 'the stop ends at another error');
        endIfLogStuck(output);
      },
    },
    async ({ err, signal }) => {
      isStopping = true;
      if (err) log.error({ err }, 'stopping after an error');
      else log.info({ signal }, 'stopping');
      await starting.promise; // half a service cannot be stopped in order
      await service?.stop(err ? AT_ONCE : stopOptions(config)).catch(async (error: unknown) => {
        log.error({ err: error }, 'the stop failed');
        await endLog(output);
        throw error;
      });
      endIfStoresStuck(service);
      log.info({}, 'stopped');
      await endLog(output);
    },
  );

  try {
    service = await compose(config, { clock: systemClock, log, redactor });
  } catch (error) {
    exit(error);
  }
  starting.resolve();
  if (isStopping) return;
  log.info({ url: service.url, metrics: service.metricsUrl }, whatNext(service, config));
}

/** Clients get half of the time that ending may take, workers and stores the other. */
function stopOptions({ drainDelayMs, shutdownTimeoutMs }: Config): StopOptions {
  const graceMs = Math.min(MAX_GRACE_MS, shutdownTimeoutMs / 4);
  return { drainDelayMs, graceMs, cutAfterMs: shutdownTimeoutMs / 2 };
}

/** To stdout, whatever that is: what cannot be written keeps the service neither from serving nor from ending. */
function openLog({ logLevel }: Config, redact: Redact): { log: Log; output: LogOutput } {
  // Node makes a pipe and a socket non-blocking when it is asked for them, and neither file nor terminal.
  const { fd, isTTY } = process.stdout;
  const output = new LogOutput({
    fd,
    neverWaits: process.stdout instanceof Socket && !isTTY,
    clock: systemClock,
    dropped: (lines) => log.error({ lines }, 'lines of the log were dropped'),
  });
  const log = createLog({
    level: logLevel,
    pretty: isTTY,
    coloured: isTTY,
    stream: output,
    redact,
  });
  process.once('exit', () => output.end());
  return { log, output };
}

/** Waits for the last lines, as long as that makes sense: at the exit they could overtake others. */
async function endLog(output: LogOutput): Promise<void> {
  await output.flush();
  await setImmediate(); // a write may have come back, and nobody have heard of it yet
  endIfLogStuck(output);
}

function endIfStoresStuck(service: Service | undefined): void {
  endIfStuck('A database thread', service?.isBusy() === true);
}

function endIfLogStuck(output: LogOutput): void {
  endIfStuck('A write of the log', output.isStuck());
}

/**
 * An exit waits for all threads, and one that hangs in its disk never ends: a supervisor would wait
 * with it. Nothing is lost by it, since whatever was acknowledged is on the disk.
 */
function endIfStuck(what: string, isStuck: boolean): void {
  if (!isStuck) return;
  // Not by the log: what that has gathered is not written any more. Nor by `writeSync`, which waits
  // where nobody reads.
  process.stderr.write(`${what} does not end: killing the process\n`);
  process.kill(process.pid, 'SIGKILL');
}

function whatNext({ url, operatorKeyFile }: Service, { production }: Config): string {
  const key = operatorKeyFile === undefined ? '$OPERATOR_API_KEY' : `$(cat ${operatorKeyFile})`;
  const next = production ? '' : `; try: curl -H "X-API-Key: ${key}" ${url}/api/sinks`;
  return `Sallyport listens on ${url}${next}`;
}

function orExit<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return exit(error);
  }
}

function exit(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
