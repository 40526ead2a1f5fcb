import { readFileSync } from 'node:fs';

/** One system call as strace shows it, and the lines of the trace where it began and ended. */
export interface TracedCall {
  readonly name: string;
  /** Path or kind of its file descriptor, such as `/data/inbox.db-wal`. */
  readonly file: string;
  /** Its arguments after the first, as strace writes them. */
  readonly text: string;
  readonly began: number;
  /** `Infinity` when the trace ended first, as that of the last answer may: its reader is quicker. */
  readonly ended: number;
  readonly succeeded: boolean;
}

const BEGAN = /^(?<thread>\d+) +(?<name>\w+)\(\d+<(?<file>[^>]*)>(?<text>.*)$/;
const RESUMED = /^(?<thread>\d+) +<\.\.\. (?<name>\w+) resumed>.*= (?<result>-?\d+)/;
const RESULT = /= (?<result>-?\d+)[^=]*$/;

/** The calls of a file that `strace -f -y -o` has written, in the order they began. */
export function readTrace(file: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const unfinished = new Map<string, Omit<TracedCall, 'ended' | 'succeeded'>>();
  for (const [at, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const began = BEGAN.exec(line)?.groups;
    const resumed = RESUMED.exec(line)?.groups;
    if (began !== undefined) {
      const { thread = '', name = '', file = '', text = '' } = began;
      const call = { name, file, text, began: at };
      if (text.endsWith('<unfinished ...>')) unfinished.set(thread, call);
      else calls.push({ ...call, ended: at, succeeded: isSuccess(RESULT.exec(text)?.groups) });
    } else if (resumed !== undefined) {
      const { thread = '' } = resumed;
      const call = unfinished.get(thread);
      if (call !== undefined) calls.push({ ...call, ended: at, succeeded: isSuccess(resumed) });
      unfinished.delete(thread);
    }
  }
  for (const call of unfinished.values()) {
    calls.push({ ...call, ended: Infinity, succeeded: false });
  }
  return calls.toSorted((a, b) => a.began - b.began);
}

function isSuccess(groups: Record<string, string> | undefined): boolean {
  return groups?.['result'] !== undefined && Number(groups['result']) >= 0;
}

/** Whether it makes durable what was written to a file. */
export function isSync({ name, succeeded }: TracedCall): boolean {
  return (name === 'fsync' || name === 'fdatasync') && succeeded;
}

/** Whether it is the beginning of an answer 202. */
export function isAccepted({ name, text }: TracedCall): boolean {
  return /^(?:write|writev|sendto|sendmsg)$/.test(name) && text.includes('HTTP/1.1 202 ');
}
