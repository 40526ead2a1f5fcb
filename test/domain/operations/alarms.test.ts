import { describe, expect, it } from '@jest/globals';
import {
  alarmsOf,
  dueAlarms,
  type Alarm,
  type Vitals,
} from '../../../src/domain/operations/alarms.ts';

const FINE: Vitals = {
  backlogReceipts: 10,
  maxBacklogReceipts: 100_000,
  backlogAgeMs: 200,
  freeDiskBytes: 10_000_000_000,
  minFreeDiskBytes: 256_000_000,
};

describe('the alarms of the service', () => {
  it('are silent while all is well', () => {
    expect([...alarmsOf(FINE)]).toEqual([]);
  });

  it.each<[string, Partial<Vitals>, string]>([
    ['an old backlog', { backlogAgeMs: 61_000 }, 'BacklogGrowing'],
    ['a large backlog', { backlogReceipts: 50_001 }, 'BacklogGrowing'],
    ['a disk that fills up', { freeDiskBytes: 500_000_000 }, 'DiskLow'],
  ])('tell of %s', (_what, change, alarm) => {
    expect([...alarmsOf({ ...FINE, ...change })]).toEqual([alarm]);
  });

  it('are told when they begin, and again every hour while they hold on', () => {
    const low = alarmsOf({ ...FINE, freeDiskBytes: 0 });
    const told = new Map<Alarm, number>();
    expect(dueAlarms(low, told, 0)).toEqual(['DiskLow']);
    told.set('DiskLow', 0);
    expect(dueAlarms(low, told, 59 * 60_000)).toEqual([]);
    expect(dueAlarms(low, told, 60 * 60_000)).toEqual(['DiskLow']);
    expect(dueAlarms(alarmsOf(FINE), told, 60 * 60_000)).toEqual([]);
  });

  it('are told again when the clock was set back, not when it has caught up', () => {
    const low = alarmsOf({ ...FINE, freeDiskBytes: 0 });
    expect(dueAlarms(low, new Map([['DiskLow', 86_400_000]]), 60_000)).toEqual(['DiskLow']);
  });
});
