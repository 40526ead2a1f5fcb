import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from '@jest/globals';
import { until } from '../support/wait.ts';
import type { Gateway, TimedAnswer } from './gateway.ts';
import { arrivals } from './load.ts';

/** Makes something hang, and gives what ends it. */
export type Hang = () => Promise<() => Promise<void>>;

/**
 * What has to hold while the inbox cannot write, and after: P2 of the design, and P1 besides.
 */
export async function hangInbox(gateway: Gateway, hang: Hang): Promise<void> {
  expect((await gateway.post('before')).status).toBe(202);
  const goOn = await hang();
  const late = ['late-1', 'late-2', 'late-3', 'late-4'];
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const answers = Promise.all(late.map((id) => gateway.post(id)));
  await expectAtOnce(() => gateway.get('/health'));
  await expectAtOnce(() => gateway.handshake());
  const refusals = await answers;
  lag.disable();
  for (const refusal of refusals) expectRefusedInTime(refusal, lag.max / 1e6);
  expect((await gateway.get('/health/ready')).status).toBe(503);

  await goOn();
  await until(
    async () => (await gateway.get('/health/ready')).status === 200,
    'it is ready again, without a restart',
  );
  // Graph sends again what was not acknowledged; some of it had become durable all the same.
  for (const id of late) expect((await gateway.post(id)).status).toBe(202);
  expect((await gateway.post('after')).status).toBe(202);
  await gateway.untilDelivered();
  const counts = arrivals(gateway.receiver.received.map(({ body }) => body));
  expect(Object.fromEntries(counts)).toEqual(
    Object.fromEntries(['before', ...late, 'after'].map((id) => [id, 1])),
  );
}

/**
 * 503 by the deadline, and not because of something else that fails sooner. In a pause of this
 * process the service has no part.
 */
function expectRefusedInTime({ status, retryAfter, ms }: TimedAnswer, lagMs: number): void {
  expect(status).toBe(503);
  expect(retryAfter).toBeGreaterThanOrEqual(1);
  expect(ms).toBeGreaterThan(1500);
  expect(ms - lagMs).toBeLessThan(2500);
}

/** By the median of some: a machine that is busy with other tests delays single ones. */
export async function expectAtOnce(ask: () => Promise<TimedAnswer>): Promise<void> {
  const took: number[] = [];
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  for (let round = 0; round < 9; round += 1) {
    const { status, ms } = await ask();
    expect(status).toBe(200);
    took.push(ms);
  }
  lag.disable();
  took.sort((a, b) => a - b);
  const [medianMs = Infinity, longestMs = Infinity] = [took[4], took[8]];
  expect(medianMs).toBeLessThan(250);
  // Whoever waits for the disk waits until the deadline. In a pause of this process nobody has a part.
  expect(longestMs - lag.max / 1e6).toBeLessThan(1500);
}
