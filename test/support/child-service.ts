import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { OPERATOR_KEY } from './service.ts';

/** The service as its user runs it: a process of its own that can be killed. */
export interface ChildService {
  readonly pid: number;
  readonly url: string;
  readonly metricsUrl: string;
  /** Every line of its standard output. */
  readonly lines: readonly string[];
  /** What it has written to its standard error. */
  errors(): string;
  /** Time from the start of the process until it listened. */
  readonly startedInMs: number;
  /** Sends a signal and resolves with the exit code once it is gone; at once when it is already. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const ROOT = new URL('../../', import.meta.url).pathname;

/** How `npm start` starts it, but for the file of its own environment. */
function startArguments(): string[] {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    scripts: { start: string };
  };
  const [, ...args] = scripts.start.split(' ');
  const flags = args.slice(0, -1).filter((flag) => !flag.startsWith('--env-file'));
  return [...flags, `${ROOT}${args.at(-1)}`];
}

export async function startChild(options: {
  dataDir: string;
  env?: Record<string, string>;
  /** A command that runs the service, such as strace with its options. */
  under?: readonly string[];
}): Promise<ChildService> {
  const startedAt = performance.now();
  const command = [...(options.under ?? []), process.execPath, ...startArguments()];
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      PORT: '0',
      METRICS_PORT: '0',
      DATA_DIR: options.dataDir,
      OPERATOR_API_KEY: OPERATOR_KEY,
      MIN_FREE_DISK_MB: '0',
      RATE_LIMIT_API_MAX: '1000000000',
      ...options.env,
    },
  });
  const lines: string[] = [];
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const { url, metrics } = await untilListening(child, lines, () => errors);
  return {
    pid: child.pid ?? 0,
    url,
    metricsUrl: metrics,
    lines,
    errors: () => errors,
    startedInMs: performance.now() - startedAt,
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const gone = once(child, 'exit');
      child.kill(signal);
      const [code] = await gone;
      return typeof code === 'number' ? code : null;
    },
  };
}

function untilListening(
  child: ChildProcess,
  lines: string[],
  errors: () => string,
): Promise<{ url: string; metrics: string }> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended (${code}): ${errors()}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const entry: unknown = JSON.parse(line);
      if (isListening(entry)) resolve(entry);
    });
  });
}

function isListening(entry: unknown): entry is { url: string; metrics: string } {
  return typeof entry === 'object' && entry !== null && 'url' in entry && 'metrics' in entry;
}
