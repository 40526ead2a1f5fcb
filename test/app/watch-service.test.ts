import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createWatchService, type WatchService } from '../../src/app/operations/watch-service.ts';
import { openDeliveryParts, type DeliveryParts } from './delivery-parts.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('the heartbeat', () => {
  let parts: DeliveryParts;
  let service: WatchService;
  let setBackMs: number;
  let beats: number;
  const now = () => parts.clock.now() - setBackMs;

  beforeEach(async () => {
    parts = await openDeliveryParts();
    setBackMs = 0;
    beats = 0;
    service = createWatchService({
      ...parts,
      // Timers go on as before when the time of day is set back.
      clock: { now, after: (ms, run) => parts.clock.after(ms, run) },
      vitals: () => ({
        backlogReceipts: 0,
        maxBacklogReceipts: 1000,
        backlogAgeMs: 0,
        freeDiskBytes: 1e9,
        minFreeDiskBytes: 1,
      }),
      tell: ({ type }) => void (beats += type === 'Heartbeat' ? 1 : 0),
      heartbeatMs: MINUTE,
      version: '0.0.0',
    });
    service.start();
    await parts.clock.settled();
  });
  afterEach(async () => {
    service.stop();
    await parts.close();
  });

  it('is told at start, and once in its time', async () => {
    expect(beats).toBe(1);
    await parts.clock.pass(MINUTE - 1);
    expect(beats).toBe(1);
    await parts.clock.pass(1);
    expect(beats).toBe(2);
  });

  it('goes on after the clock was set back', async () => {
    setBackMs = 3 * HOUR;
    await parts.clock.pass(MINUTE / 2);
    expect(beats).toBe(2);
    expect(service.lastBeatAt()).toBe(now());
    await parts.clock.pass(MINUTE);
    expect(beats).toBe(3);
  });
});
