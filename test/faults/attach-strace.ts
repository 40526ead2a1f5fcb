import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** An strace that follows every thread of a process, from now until it lets go. */
export interface AttachedStrace {
  /** Resolves once the process goes on untouched; a second time it does nothing. */
  detach(): Promise<void>;
}

/** Resolves when every thread is followed. */
export async function attachStrace(
  pid: number,
  options: readonly string[],
): Promise<AttachedStrace> {
  const strace = spawn('strace', ['-f', '-y', ...options, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(strace, 'exit');
  const failed = gone.then(() => Promise.reject(new Error('strace could not follow the process')));
  let said = '';
  const attached = new Promise<void>((resolve) => {
    strace.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes(`Process ${pid} attached`)) resolve();
    });
  });
  await Promise.race([attached, failed]);
  failed.catch(() => undefined); // from now on its end is what was asked for
  return {
    async detach() {
      strace.kill('SIGTERM');
      // It may wait for ever for a thread of a process that was killed meanwhile; its own end frees
      // that process all the same.
      const impatient = setTimeout(() => strace.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(impatient);
    },
  };
}

const SYNCS = 'fsync,fdatasync';

/** Every sync of this file takes for ever, as on a disk that hangs; until it is detached. */
export function hangSyncs(pid: number, file: string): Promise<AttachedStrace> {
  return tamper(pid, { file, calls: SYNCS, how: 'delay_enter=600000000' });
}

/** Every sync of this file fails, as on a disk that is broken. */
export function failSyncs(pid: number, file: string): Promise<AttachedStrace> {
  return tamper(pid, { file, calls: SYNCS, how: 'error=EIO' });
}

function tamper(
  pid: number,
  { file, calls, how }: { file: string; calls: string; how: string },
): Promise<AttachedStrace> {
  const options = ['-o', '/dev/null', '-P', file, '-e', `trace=${calls}`];
  return attachStrace(pid, [...options, '-e', `inject=${calls}:${how}`]);
}
