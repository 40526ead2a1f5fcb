import { describe, expect, it } from '@jest/globals';
import { AckTimes } from '../../src/simulation/ack-times.ts';

const acknowledged = { acknowledged: true };

describe('the times of acknowledgements', () => {
  it('are told by their nearest ranks', () => {
    const times = new AckTimes();
    for (let ms = 200; ms >= 1; ms -= 1) times.answered(ms, acknowledged);
    expect(times.figures()).toEqual({ ackMs: { p50: 100, p99: 198 }, over3s: 0, over10s: 0 });
  });

  it('are those of acknowledgements only, while every answer counts as slow or not', () => {
    const times = new AckTimes();
    times.answered(5, acknowledged);
    times.answered(3000, { acknowledged: false });
    times.answered(3001, { acknowledged: false });
    times.unanswered();
    expect(times.figures()).toEqual({ ackMs: { p50: 5, p99: 5 }, over3s: 0.5, over10s: 0.25 });
  });

  it('are none when nothing was answered', () => {
    expect(new AckTimes().figures()).toEqual({
      ackMs: { p50: null, p99: null },
      over3s: 0,
      over10s: 0,
    });
  });
});
