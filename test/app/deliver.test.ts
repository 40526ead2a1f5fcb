import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  DELIVERED,
  FAILED,
  failed,
  GONE,
  openDeliveryParts,
  type DeliveryParts,
} from './delivery-parts.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const never = () => new Promise<never>(() => undefined);

let parts: DeliveryParts;

beforeEach(async () => {
  parts = await openDeliveryParts();
});
afterEach(() => parts.close());

/** One delivery that is due, to a sink of its own, after the first sweep. */
async function startOne(): Promise<{ id: string; sinkId: string }> {
  const { id: sinkId } = await parts.addSink('one');
  const [id = ''] = await parts.addDue(sinkId, 1);
  await parts.sweep.start();
  await parts.clock.settled();
  return { id, sinkId };
}

describe('a delivery that succeeds', () => {
  it('is tried once, and its attempt tells how it went', async () => {
    parts.destinations.answer(() => ({ outcome: 'delivered', status: 202, body: 'thanks' }));
    const { id } = await startOne();
    const { state, attempts, finishedAt } = await parts.read(id);
    expect({ state, finishedAt }).toEqual({ state: 'delivered', finishedAt: parts.clock.now() });
    expect(attempts).toMatchObject([
      { number: 1, outcome: 'delivered', status: 202, reason: null, durationMs: 0 },
    ]);
    const [attempt] = attempts;
    expect(attempt?.answer).not.toBeNull();
    if (attempt?.answer) {
      expect(parts.cipher.open(attempt.answer, `attempt:${id}`)).toBe('thanks');
    }
    await parts.clock.pass(60 * SECOND);
    expect(parts.destinations.tries).toHaveLength(1);
  });

  it('is tried once however often it is hinted at', async () => {
    const { id: lane } = await parts.addSink('one');
    const [id = ''] = await parts.addDue(lane, 1);
    await parts.lanes.refresh();
    const hint = { kind: 'deliver' as const, id, generation: 0, lane, dueAt: parts.clock.now() };
    // Around the queue, which would let them in one at a time.
    await Promise.all(Array.from({ length: 20 }, () => parts.deliver.deliver(hint)));
    expect(parts.destinations.tries).toHaveLength(1);
    expect((await parts.read(id)).attempts).toHaveLength(1);
  });
});

describe('a delivery that fails', () => {
  it('is tried ten times by the schedule, and then dead', async () => {
    const { destinations, clock } = parts;
    destinations.answer(() => {
      // The breaker would put tries off, which is another test's matter.
      for (const { id: open } of parts.lanes.open()) parts.lanes.ended(open, true, 0);
      return FAILED;
    });
    const { id } = await startOne();
    const schedule = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800];
    for (const [index, seconds] of schedule.entries()) {
      expect(destinations.tries).toHaveLength(index + 1);
      const { dueAt, attempts } = await parts.read(id);
      const waitMs = dueAt - (attempts.at(-1)?.startedAt ?? 0);
      expect(waitMs).toBeGreaterThanOrEqual(0.8 * seconds * SECOND);
      expect(waitMs).toBeLessThanOrEqual(1.2 * seconds * SECOND);
      await clock.pass(dueAt - clock.now() - 1, 30 * SECOND);
      expect(destinations.tries).toHaveLength(index + 1);
      // What was too far away for the queue is brought by the next sweep.
      await clock.pass(5 * SECOND);
    }
    expect(destinations.tries.map(({ attempt }) => attempt)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    const dead = await parts.read(id);
    expect(dead).toMatchObject({ state: 'dead', attempt: 10, reason: 'http-503' });
    expect(dead.attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await clock.pass(48 * HOUR, 60 * SECOND);
    expect(destinations.tries).toHaveLength(10);
    const { data } = await parts.deliveries.deadLetters('default', {}, { limit: 10 });
    expect(data.map(({ delivery }) => delivery.id)).toEqual([id]);
  });

  it.each([
    ['longer than the schedule', 3 * HOUR, 3 * HOUR],
    ['longer than a day', 100 * HOUR, 24 * HOUR],
  ])('waits as long as the sink asks: %s', async (_what, askedMs, waitMs) => {
    parts.destinations.answer(() => failed('http-429', 429, askedMs));
    await startOne();
    await parts.clock.pass(waitMs - 60 * SECOND, 30 * SECOND);
    expect(parts.destinations.tries).toHaveLength(1);
    await parts.clock.pass(70 * SECOND);
    expect(parts.destinations.tries).toHaveLength(2);
    expect(parts.destinations.tries.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('keeps to the schedule when the sink asks for less', async () => {
    parts.destinations.answer(() => failed('http-503', 503, 1));
    await startOne();
    await parts.clock.pass(3.9 * SECOND);
    expect(parts.destinations.tries).toHaveLength(1);
    await parts.clock.pass(2.2 * SECOND);
    expect(parts.destinations.tries).toHaveLength(2);
  });

  it('is dead at once when the sink refuses it, and the next one is not held back', async () => {
    const refused = { outcome: 'dead', reason: 'http-302', gone: false, status: 302, body: '' };
    parts.destinations.answer(() => ({ ...refused, outcome: 'dead' }));
    const { id, sinkId } = await startOne();
    expect(await parts.read(id)).toMatchObject({ state: 'dead', attempt: 1, reason: 'http-302' });
    parts.destinations.answer(() => DELIVERED);
    const [next = ''] = await parts.addDue(sinkId, 1);
    await parts.clock.pass(5 * SECOND);
    expect((await parts.read(next)).state).toBe('delivered');
  });
});

describe('a sink that says 410', () => {
  it('costs the one delivery that was told so; the others wait, and go on when it is enabled', async () => {
    const sink = await parts.addSink('gone', { concurrency: 1 });
    const ids = await parts.addDue(sink.id, 50);
    parts.destinations.answer(() => GONE);
    await parts.sweep.start();
    await parts.clock.settled();
    await parts.clock.pass(60 * SECOND);

    expect(parts.destinations.tries).toHaveLength(1);
    expect((await parts.deliveries.deadLetters('default', {}, { limit: 10 })).data).toHaveLength(1);
    expect(await parts.sinks.find('default', sink.id)).toMatchObject({
      enabled: false,
      disabledReason: 'gone',
    });

    parts.destinations.answer(() => DELIVERED);
    await parts.sinks.update('default', sink.id, { enabled: true }, parts.clock.now());
    parts.sweep.lanes();
    await parts.clock.settled();
    const states = await Promise.all(ids.map(async (id) => (await parts.read(id)).state));
    expect(states.filter((state) => state === 'delivered')).toHaveLength(49);
  });
});

describe('a claim', () => {
  it('is renewed until the outcome is written, also when what it means for the sink is not', async () => {
    const { clock, deliveries } = parts;
    const { finish } = deliveries;
    parts.destinations.answer(() => (parts.destinations.tries.length > 1 ? never() : FAILED));
    jest.spyOn(parts.sinks, 'find').mockRejectedValue(new Error('away'));
    const back = clock.now() + 16 * SECOND;
    jest.spyOn(deliveries, 'finish').mockImplementation(async (id, generation, outcome) => {
      const isLost = outcome.attempt.outcome === 'lost';
      if (!isLost && clock.now() < back) throw new Error('away');
      return finish(id, generation, outcome);
    });
    const { id } = await startOne();
    await clock.pass(18 * SECOND);
    jest.restoreAllMocks();
    expect(await parts.read(id)).toMatchObject({
      attempt: 1,
      attempts: [{ outcome: 'retry', status: 503 }],
    });
  });

  it('is renewed for as long as the try takes', async () => {
    const { promise, resolve } = Promise.withResolvers<typeof DELIVERED>();
    parts.destinations.answer(() => promise);
    const { id } = await startOne();
    await parts.clock.pass(44 * SECOND);
    expect(await parts.read(id)).toMatchObject({ state: 'claimed', attempt: 0, attempts: [] });
    resolve(DELIVERED);
    await parts.clock.settled();
    expect(await parts.read(id)).toMatchObject({
      state: 'delivered',
      attempts: [{ number: 1, outcome: 'delivered', durationMs: 44 * SECOND }],
    });
    expect(parts.destinations.tries).toHaveLength(1);
  });

  it('whose holder is gone is a lost try, and the delivery goes out', async () => {
    const { id: sinkId } = await parts.addSink('one');
    const [id = ''] = await parts.addDue(sinkId, 1);
    const leaseUntil = parts.clock.now() + 15 * SECOND;
    const held = await parts.deliveries.claim(id, 0, leaseUntil);
    await parts.sweep.start();
    await parts.clock.pass(14.9 * SECOND);
    expect((await parts.read(id)).state).toBe('claimed');
    await parts.clock.pass(1 * SECOND);
    expect(await parts.read(id)).toMatchObject({
      state: 'due',
      attempt: 1,
      attempts: [{ number: 1, outcome: 'lost', reason: 'lost', status: null }],
    });
    // Not dead after all, it has nothing to say any more.
    const outcome = { startedAt: 0, durationMs: 0, reason: null, status: 200, answer: null };
    const late = await parts.deliveries.finish(id, held?.delivery.generation ?? 0, {
      state: 'delivered',
      dueAt: parts.clock.now(),
      attempt: { ...outcome, outcome: 'delivered' },
    });
    expect(late).toBe(false);
    await parts.clock.pass(6.1 * SECOND);
    expect(parts.destinations.tries.map(({ attempt }) => attempt)).toEqual([2]);
    expect((await parts.read(id)).state).toBe('delivered');
  });

  it('is given back when the service stops, and no try is counted', async () => {
    parts.destinations.answer(never);
    const { id } = await startOne();
    expect((await parts.read(id)).state).toBe('claimed');
    await parts.stop();
    expect(await parts.read(id)).toMatchObject({
      state: 'due',
      dueAt: parts.clock.now(),
      attempt: 0,
      attempts: [],
    });
  });
});

describe('a dead letter', () => {
  it('goes out again when it is redriven, and its tries are counted on', async () => {
    parts.destinations.answer(() => ({
      outcome: 'dead',
      reason: 'http-404',
      gone: false,
      status: 404,
      body: '',
    }));
    const { id } = await startOne();
    const redrive = () => parts.deliveries.redrive('default', [id], parts.clock.now());
    expect(await redrive()).toHaveLength(1);
    await parts.clock.pass(5 * SECOND);
    expect(await parts.read(id)).toMatchObject({ state: 'dead', attempt: 1 });
    parts.destinations.answer(() => DELIVERED);
    expect(await redrive()).toHaveLength(1);
    await parts.clock.pass(5 * SECOND);
    const { state, attempts } = await parts.read(id);
    expect(state).toBe('delivered');
    expect(attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, 'dead'],
      [2, 'dead'],
      [3, 'delivered'],
    ]);
    expect(await redrive()).toEqual([]);
  });
});
