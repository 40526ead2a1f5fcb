import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const OPERATOR_KEY = 'bench-only-0f6c1d84b2a97e35c4d1';

/** A server in a process of its own. */
export interface Running {
  readonly url: string;
  readonly startedInMs: number;
  readonly operatorKey: string;
  memoryMb(): number;
  stop(): Promise<void>;
}

export async function startBare(kind: 'parse' | 'commit'): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const script = new URL('./bare-server.ts', import.meta.url).pathname;
  return started(
    spawn(process.execPath, [script, kind, join(folder, 'bare.db')]),
    folder,
    (line) => (line.startsWith('http') ? line : undefined),
  );
}

export async function startSallyport(env: Record<string, string> = {}): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const script = new URL('../src/main.ts', import.meta.url).pathname;
  // As `npm start` does.
  const flags = ['--max-semi-space-size=8', '--heap-growing-percent=20'];
  const child = spawn(process.execPath, [...flags, script], {
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      PORT: '0',
      METRICS_PORT: '0',
      DATA_DIR: folder,
      OPERATOR_API_KEY: OPERATOR_KEY,
      RATE_LIMIT_API_MAX: '1000000000',
      ...env,
    },
  });
  return started(child, folder, (line) => {
    const entry = JSON.parse(line) as { url?: string; metrics?: string };
    return entry.metrics === undefined ? undefined : entry.url;
  });
}

async function started(
  child: ChildProcess,
  folder: string,
  urlIn: (line: string) => string | undefined,
): Promise<Running> {
  const startedAt = performance.now();
  endWithRun(child, folder);
  child.stderr?.pipe(process.stderr);
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = urlIn(line);
      if (found !== undefined) resolve(found);
    });
  });
  return {
    url,
    startedInMs: performance.now() - startedAt,
    operatorKey: OPERATOR_KEY,
    memoryMb() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
    },
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Should the run fail, nothing of it stays: neither the process nor its folder. */
export function endWithRun(child: ChildProcess, folder: string): void {
  const end = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}
