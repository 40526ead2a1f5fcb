/** How the service is doing, as far as alarms look at it. */
export interface Vitals {
  readonly backlogReceipts: number;
  readonly maxBacklogReceipts: number;
  readonly backlogAgeMs: number;
  readonly freeDiskBytes: number;
  readonly minFreeDiskBytes: number;
}

export type Alarm = 'BacklogGrowing' | 'DiskLow';

const OLD_BACKLOG_MS = 60_000;
const BACKLOG_SHARE = 0.5;
// Twice the room that intake needs: somebody has to have time to make more.
const DISK_MARGIN = 2;

/** The alarms that hold now. One that holds on is told once; see `raised`. */
export function alarmsOf(vitals: Vitals): ReadonlySet<Alarm> {
  const alarms = new Set<Alarm>();
  const { backlogReceipts, maxBacklogReceipts, backlogAgeMs } = vitals;
  if (backlogAgeMs > OLD_BACKLOG_MS || backlogReceipts > BACKLOG_SHARE * maxBacklogReceipts) {
    alarms.add('BacklogGrowing');
  }
  if (vitals.freeDiskBytes < DISK_MARGIN * vitals.minFreeDiskBytes) alarms.add('DiskLow');
  return alarms;
}

/** Those that hold now and did not before. */
export function raised(before: ReadonlySet<Alarm>, now: ReadonlySet<Alarm>): readonly Alarm[] {
  return [...now].filter((alarm) => !before.has(alarm));
}
