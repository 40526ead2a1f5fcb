import { isWithin } from '../elapsed.ts';

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
const REMIND_AFTER_MS = 60 * 60 * 1000;

/** The alarms that hold now; `dueAlarms` says which of them are told. */
export function alarmsOf(vitals: Vitals): ReadonlySet<Alarm> {
  const alarms = new Set<Alarm>();
  const { backlogReceipts, maxBacklogReceipts, backlogAgeMs } = vitals;
  if (backlogAgeMs > OLD_BACKLOG_MS || backlogReceipts > BACKLOG_SHARE * maxBacklogReceipts) {
    alarms.add('BacklogGrowing');
  }
  if (vitals.freeDiskBytes < DISK_MARGIN * vitals.minFreeDiskBytes) alarms.add('DiskLow');
  return alarms;
}

/**
 * Those of the alarms that hold which have to be told at `now`: an alarm is told when it begins, and
 * again every hour while it holds on. `toldAt` is when each was last told, and was holding since.
 */
export function dueAlarms(
  holding: ReadonlySet<Alarm>,
  toldAt: ReadonlyMap<Alarm, number>,
  now: number,
): readonly Alarm[] {
  return [...holding].filter(
    (alarm) => !isWithin(toldAt.get(alarm) ?? -Infinity, now, REMIND_AFTER_MS),
  );
}
