import { readFileSync } from 'node:fs';

/** The most resident memory that a process has ever had, in MiB, as Linux counts it (VmHWM). */
export function peakMemoryMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(status) ?? [];
  if (kib === undefined) throw new Error('no VmHWM');
  return Math.round(Number(kib) / 1024);
}
