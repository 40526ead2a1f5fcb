import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { OPERATOR_KEY } from '../support/service.ts';

export const BIN = new URL('../../bin/sallyport.mjs', import.meta.url).pathname;

/** What a command left behind when it had ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs: what it has said so far, and its end. */
export interface Running {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<Ended>;
  end(signal: NodeJS.Signals): Promise<Ended>;
}

export interface CommandOptions {
  /** Beside a PATH nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Away from the project, whose `.env` would be read. */
  readonly cwd?: string;
}

/** Starts the command as a shell does. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env['PATH'], ...options.env },
  });
  child.stdin.end(options.input);
  return watch(child);
}

/** The same to its end. */
export function runCommand(args: readonly string[], options?: CommandOptions): Promise<Ended> {
  return startCommand(args, options).ended;
}

/** Runs the command for its operator at a service. */
export function operatorOf(service: { readonly url: string }) {
  const env = { SALLYPORT_URL: service.url, OPERATOR_API_KEY: OPERATOR_KEY };
  const run = (line: string, options: CommandOptions = {}) =>
    runCommand(line.split(' '), { ...options, env: { ...env, ...options.env } });
  return {
    env,
    run,
    /** Its result as JSON; throws when it fails. */
    // oxlint-disable-next-line typescript/no-explicit-any -- each test knows what it asked for
    async json(line: string, options?: CommandOptions): Promise<any> {
      const { code, stdout, stderr } = await run(`${line} --json`, options);
      if (code !== 0) throw new Error(`${line}: exit code ${code}: ${stderr}`);
      return JSON.parse(stdout);
    },
  };
}

/** Keeps what a process says. */
export function watch(child: ChildProcessWithoutNullStreams): Running {
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** The cells of a table as programs get it. */
export function cells({ stdout }: Ended): string[][] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
}
