import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Sink } from '../../src/domain/delivery/sink.ts';
import type { EndedTry } from '../../src/ports/notification-sink.ts';
import {
  DELIVERED,
  FAILED,
  GONE,
  openDeliveryParts,
  REFUSED,
  type DeliveryParts,
} from './delivery-parts.ts';

const DAY = 86_400_000;

let parts: DeliveryParts;
let sink: Sink;

beforeEach(async () => {
  parts = await openDeliveryParts();
  sink = await parts.addSink('watched');
});
afterEach(() => parts.close());

/** Tries of which none knows more than what was read before all of them. */
async function end(...answers: readonly unknown[]): Promise<Sink | undefined> {
  const known = (await parts.sinks.find('default', sink.id)) ?? sink;
  await Promise.all(answers.map((answer) => parts.watch.tried(known, answer as EndedTry)));
  await parts.clock.settled();
  return parts.sinks.find('default', sink.id);
}

async function failDaily(days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    await parts.clock.turn(DAY);
    await end(FAILED);
  }
}

async function disablings(): Promise<unknown[]> {
  const query = { eventType: 'SYSTEM_SINK_DISABLED' };
  const { data } = await parts.audit.search('default', query, { limit: 100 });
  return data.map(({ details, resource, severity }) => ({ ...details, resource, severity }));
}

describe('what tries mean for their sink', () => {
  it('notes the first of several failures, and forgets it after a success', async () => {
    const since = parts.clock.now();
    expect(await end(FAILED, FAILED)).toMatchObject({ failingSince: since, enabled: true });
    await parts.clock.turn(DAY);
    expect(await end(FAILED)).toMatchObject({ failingSince: since });
    expect(await end(DELIVERED, DELIVERED)).toMatchObject({ failingSince: null });
    await parts.clock.turn(DAY);
    expect(await end(FAILED)).toMatchObject({ failingSince: since + 2 * DAY });
  });

  it('says nothing of one that was led elsewhere meanwhile', async () => {
    const before = await end(FAILED);
    const url = 'https://new.example.com/hook';
    await parts.sinks.update('default', sink.id, { url }, parts.clock.now());
    await parts.watch.tried(before ?? sink, GONE as EndedTry);
    const after = await parts.sinks.find('default', sink.id);
    expect(after).toMatchObject({ url, enabled: true, disabledReason: null });
  });

  it('disables it after five days of nothing but failures, and says so once', async () => {
    await end(FAILED);
    await failDaily(4);
    await parts.clock.turn(DAY - 1);
    expect(await end(FAILED)).toMatchObject({ enabled: true });
    await parts.clock.turn(1);
    expect(await end(FAILED, FAILED, FAILED)).toMatchObject({
      enabled: false,
      disabledReason: 'failing-for-5-days',
    });
    expect(await disablings()).toEqual([
      { reason: 'failing-for-5-days', resource: `sink/${sink.id}`, severity: 'HIGH' },
    ]);
  });

  it('does not take a quiet time after a success for failures, whatever was known of it', async () => {
    expect(await end(FAILED, DELIVERED)).toMatchObject({ failingSince: null });
    await parts.clock.turn(5 * DAY);
    expect(await end(FAILED, FAILED)).toMatchObject({ enabled: true });
  });

  it('forgets a failure after a success that knew nothing of it', async () => {
    await parts.watch.tried(sink, FAILED as EndedTry);
    expect(await end()).toMatchObject({ failingSince: parts.clock.now() });
    await parts.watch.tried(sink, DELIVERED as EndedTry);
    expect(await end()).toMatchObject({ failingSince: null });
  });

  it('does not disable one that refuses for five days between two failures', async () => {
    await end(FAILED);
    for (let day = 0; day < 5; day += 1) {
      await parts.clock.turn(DAY);
      await end(REFUSED);
    }
    const failingSince = parts.clock.now();
    expect(await end(FAILED)).toMatchObject({ enabled: true, failingSince });
  });

  it('does not count five days of which nothing is known', async () => {
    await end(FAILED);
    await parts.clock.turn(5 * DAY);
    const failingSince = parts.clock.now();
    expect(await end(FAILED, FAILED)).toMatchObject({ enabled: true, failingSince });
    await failDaily(4);
    await parts.clock.turn(DAY);
    expect(await end(FAILED)).toMatchObject({ enabled: false });
  });

  it('writes nothing, and does not ask the store, while it goes on as before', async () => {
    const find = jest.spyOn(parts.sinks, 'find');
    const asked = async (...answers: readonly unknown[]) => {
      await end(...answers);
      // Of these two are the test's own.
      const calls = find.mock.calls.length - 2;
      find.mockClear();
      return calls;
    };
    expect(await asked(DELIVERED, REFUSED, DELIVERED)).toBe(0);
    await asked(FAILED);
    expect(await asked(FAILED, FAILED)).toBe(0);
    await asked(DELIVERED);
    expect(await asked(DELIVERED, DELIVERED)).toBe(0);
    find.mockRestore();
  });

  it('disables it once when twenty tries are told 410 at a time', async () => {
    const answers = Array.from({ length: 20 }, () => GONE);
    expect(await end(...answers)).toMatchObject({ enabled: false, disabledReason: 'gone' });
    expect(await disablings()).toHaveLength(1);
  });

  it('does not overhear a 410 while another failure is being written', async () => {
    expect(await end(FAILED, GONE)).toMatchObject({ enabled: false, disabledReason: 'gone' });
    expect(await disablings()).toHaveLength(1);
  });

  it('leaves alone what an operator has disabled, and what is deleted', async () => {
    await parts.sinks.update('default', sink.id, { enabled: false }, parts.clock.now());
    const known = { ...sink, enabled: true };
    await parts.watch.tried(known, { ...GONE } as EndedTry);
    expect(await parts.sinks.find('default', sink.id)).toMatchObject({ disabledReason: null });
    await parts.sinks.softDelete('default', sink.id, parts.clock.now());
    await parts.watch.tried(known, { ...GONE } as EndedTry);
    expect(await disablings()).toEqual([]);
  });

  it('goes on with the next try after the store has failed', async () => {
    const update = jest.spyOn(parts.sinks, 'update').mockRejectedValue(new Error('away'));
    await expect(end(GONE)).rejects.toThrow('away');
    update.mockRestore();
    expect(await end(GONE)).toMatchObject({ enabled: false });
  });
});
