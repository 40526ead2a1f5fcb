import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { switched } from '../../src/domain/delivery/sink-switch.ts';
import type { SinkAnswer } from '../../src/ports/notification-sink.ts';
import { DELIVERED, FAILED, openDeliveryParts, type DeliveryParts } from './delivery-parts.ts';

const SECOND = 1000;
const never = () => new Promise<never>(() => undefined);

let parts: DeliveryParts;

beforeEach(async () => {
  parts = await openDeliveryParts();
});
afterEach(() => parts.close());

async function start(): Promise<void> {
  await parts.sweep.start();
  await parts.clock.settled();
}

describe('the lanes of sinks', () => {
  it('keep to the concurrency of each sink, and use it', async () => {
    const { destinations } = parts;
    const wanted = { one: 1, seven: 7, many: 200 };
    for (const [name, concurrency] of Object.entries(wanted)) {
      const { id } = await parts.addSink(name, { concurrency });
      await parts.addDue(id, 300);
    }
    const waiting: (() => void)[] = [];
    destinations.answer(() => new Promise((resolve) => waiting.push(() => resolve(DELIVERED))));
    await start();
    while (waiting.length > 0) {
      for (const end of waiting.splice(0)) end();
      await parts.clock.settled();
    }
    expect(Object.fromEntries(destinations.most)).toEqual({
      'http://one': 1,
      'http://seven': 7,
      'http://many': 200,
    });
    expect(new Set(destinations.tries.map(({ deliveryId }) => deliveryId)).size).toBe(900);
  });

  it('keep to the rate of a sink, and use it', async () => {
    const limited = await parts.addSink('limited', { ratePerSecond: 10 });
    await parts.addDue(limited.id, 100);
    const free = await parts.addSink('free');
    await parts.addDue(free.id, 100);
    const begun = () => parts.destinations.at('http://limited').length;
    await start();
    expect(parts.destinations.at('http://free')).toHaveLength(100);
    for (let second = 1; second < 10; second += 1) {
      expect(begun()).toBe(10 * second);
      await parts.clock.pass(SECOND - 1);
      expect(begun()).toBe(10 * second);
      await parts.clock.pass(1);
    }
    expect(begun()).toBe(100);
  });

  it('let no sink that hangs take the workers of another', async () => {
    const { destinations } = parts;
    for (const name of ['hung-1', 'hung-2', 'hung-3']) {
      const { id } = await parts.addSink(name, { concurrency: 200 });
      await parts.addDue(id, 500);
    }
    const fine = await parts.addSink('fine', { concurrency: 2 });
    await parts.addDue(fine.id, 500);
    destinations.answer(({ url }) => (url === 'http://fine' ? DELIVERED : never()));
    await start();
    // The clock stands still, so nobody has given up waiting for those that hang.
    expect(destinations.at('http://fine')).toHaveLength(500);
    expect(destinations.at('http://hung-1')).toHaveLength(200);
  });

  it('let retries that wait not keep out what is due', async () => {
    const { id } = await parts.addSink('flaky', { concurrency: 200 });
    await parts.addDue(id, 4400);
    let tries = 0;
    // Never five in a row, or the breaker would open.
    parts.destinations.answer(() => ((tries += 1) % 2 === 0 ? FAILED : DELIVERED));
    await start();
    // 2200 failed and wait, more than a lane keeps hints of; no sweep has come since the start.
    expect(new Set(parts.destinations.tries.map(({ deliveryId }) => deliveryId)).size).toBe(4400);
    parts.destinations.answer(() => DELIVERED);
    await parts.clock.pass(12 * SECOND);
    expect(await parts.deliveries.due(id, parts.clock.now() + 86_400 * SECOND, 1)).toEqual([]);
    expect(parts.destinations.tries).toHaveLength(6600);
  });
});

describe('a sink that fails', () => {
  it('is probed once after 30 s, 60 s … 5 min, and costs what waits no try', async () => {
    const { id } = await parts.addSink('down', { concurrency: 1 });
    const ids = await parts.addDue(id, 30);
    parts.destinations.answer(() => FAILED);
    await start();
    const { clock, destinations } = parts;
    const at: number[] = [];
    for (let seen = destinations.tries.length; at.length < 6;) {
      await clock.pass(5 * SECOND);
      if (destinations.tries.length > seen) at.push(clock.now());
      seen = destinations.tries.length;
    }
    expect(destinations.tries).toHaveLength(5 + 6);
    const waits = at.slice(1).map((time, index) => (time - (at[index] ?? 0)) / SECOND);
    expect(waits).toEqual([60, 120, 240, 300, 300]);
    const deliveries = await Promise.all(ids.map((one) => parts.read(one)));
    const attempts = deliveries.reduce((sum, { attempt }) => sum + attempt, 0);
    expect(attempts).toBe(5 + 6);
    expect(new Set(deliveries.map(({ state }) => state))).toEqual(new Set(['due']));
  });

  it('is called again at once when it is enabled again, or leads elsewhere', async () => {
    const { clock, destinations, sinks, sweep } = parts;
    const sink = await parts.addSink('down', { concurrency: 1 });
    await parts.addDue(sink.id, 20);
    destinations.answer(({ url }) => (url === 'http://down' ? FAILED : DELIVERED));
    await start();
    expect(destinations.tries).toHaveLength(5);

    await sinks.update('default', sink.id, switched('disabled'), clock.now());
    sweep.lanes();
    await clock.settled();
    await sinks.update('default', sink.id, switched('enabled'), clock.now());
    sweep.lanes();
    await clock.settled();
    expect(destinations.tries).toHaveLength(6); // the probe

    // In the same millisecond: a time cannot tell what has changed.
    await sinks.update('default', sink.id, { url: 'http://elsewhere' }, clock.now());
    sweep.lanes();
    await clock.settled();
    expect(destinations.at('http://elsewhere')).toHaveLength(14);
    await clock.pass(10 * SECOND);
    expect(destinations.at('http://elsewhere')).toHaveLength(20);
    expect(parts.turns).toEqual(['failing', 'answering']);
  });
});

describe('a sink that is disabled and enabled faster than sinks are read', () => {
  it('is called again at once, and keeps to its rate', async () => {
    const { clock, destinations, sinks, sweep } = parts;
    const sink = await parts.addSink('down', { concurrency: 1, ratePerSecond: 8 });
    await parts.addDue(sink.id, 20);
    destinations.answer(() => FAILED);
    await start();
    await clock.pass(1);
    expect(destinations.tries).toHaveLength(5);

    destinations.answer(() => DELIVERED);
    for (const to of ['disabled', 'enabled'] as const) {
      await sinks.update('default', sink.id, switched(to), clock.now());
    }
    sweep.lanes();
    await clock.settled();
    expect(destinations.tries).toHaveLength(8);
    await clock.pass(3 * SECOND);
    expect(destinations.tries.length).toBeGreaterThanOrEqual(20);
  });

  it.each(['before', 'after'] as const)(
    'stays open when tries from before it fail %s the sinks are read',
    async (moment) => {
      const { clock, destinations, sinks, sweep } = parts;
      const sink = await parts.addSink('down', { concurrency: 12 });
      await parts.addDue(sink.id, 30);
      const hung: (() => void)[] = [];
      const failLater = () =>
        new Promise<SinkAnswer>((resolve) => hung.push(() => resolve(FAILED)));
      destinations.answer(() => (destinations.tries.length <= 5 ? FAILED : failLater()));
      await start();
      expect([destinations.tries.length, hung.length]).toEqual([12, 7]);

      destinations.answer(() => DELIVERED);
      await clock.pass(1);
      for (const to of ['disabled', 'enabled'] as const) {
        await sinks.update('default', sink.id, switched(to), clock.now());
      }
      const failAll = () => hung.splice(0).forEach((fail) => fail());
      if (moment === 'before') failAll();
      await clock.settled();
      sweep.lanes();
      await clock.settled();
      failAll();
      await clock.pass(10 * SECOND);
      expect(await sinks.find('default', sink.id)).toMatchObject({ failingSince: null });
      expect(await parts.deliveries.due(sink.id, clock.now() + 3600 * SECOND, 1)).toEqual([]);
    },
  );
});

describe('a sink that is given another place', () => {
  it.each([
    ['redis-stream', { stream: 'one' }, { stream: 'two' }],
    ['mongo-collection', { collection: 'one' }, { collection: 'two' }],
  ] as const)('leads there from then on: %s', async (kind, before, after) => {
    const { clock, destinations, sinks, sweep } = parts;
    const sink = await parts.addSink('moving', { kind, url: null, ...before });
    await parts.addDue(sink.id, 3);
    await start();
    expect(destinations.at('one')).toHaveLength(3);
    await sinks.update('default', sink.id, after, clock.now());
    await parts.addDue(sink.id, 3);
    sweep.lanes();
    await clock.settled();
    expect(destinations.at('one')).toHaveLength(3);
    expect(destinations.at('two')).toHaveLength(3);
  });
});

describe('a sink that is disabled or deleted', () => {
  it('gets nothing more, while others do', async () => {
    const { clock, destinations, sinks, sweep } = parts;
    const off = await parts.addSink('off', { enabled: false });
    const gone = await parts.addSink('gone');
    const on = await parts.addSink('on');
    await sinks.softDelete('default', gone.id, clock.now());
    for (const { id } of [off, gone, on]) await parts.addDue(id, 10);
    await start();
    await clock.pass(60 * SECOND);
    expect(new Set(destinations.tries.map(({ url }) => url))).toEqual(new Set(['http://on']));
    expect(await parts.deliveries.due(gone.id, clock.now(), 100)).toHaveLength(10);

    await sinks.update('default', off.id, { enabled: true }, clock.now());
    sweep.lanes();
    await clock.settled();
    expect(destinations.at('http://off')).toHaveLength(10);
  });

  it('stays shut while it is about to be disabled, whatever a read that began before says', async () => {
    const { id } = await parts.addSink('gone');
    await start();
    parts.lanes.shut(id);
    await parts.lanes.refresh();
    expect(parts.lanes.find(id)?.sink.enabled).toBe(false);
    await parts.clock.pass(SECOND);
    const now = parts.clock.now();
    await parts.sinks.update('default', id, { enabled: false, disabledReason: 'gone' }, now);
    await parts.lanes.refresh();
    await parts.clock.pass(SECOND);
    await parts.sinks.update('default', id, { enabled: true }, parts.clock.now());
    await parts.lanes.refresh();
    expect(parts.lanes.find(id)?.sink.enabled).toBe(true);
  });

  it('is not called even where a hint has come through', async () => {
    const { id: lane } = await parts.addSink('off', { enabled: false });
    const [id = ''] = await parts.addDue(lane, 1);
    await start();
    parts.queue.hint([{ kind: 'deliver', id, generation: 0, lane, dueAt: parts.clock.now() }]);
    await parts.clock.settled();
    expect(parts.destinations.tries).toEqual([]);
    expect(await parts.read(id)).toMatchObject({ state: 'due', generation: 0 });
  });
});

describe('a sink whose secrets cannot be opened', () => {
  it('waits, and holds back no other', async () => {
    const stranger = createCipher({ keys: [{ id: 'k2', key: randomBytes(32).toString('hex') }] });
    const secrets = stranger.seal('["whsec_AAAA"]', 'sink:x:secrets');
    const locked = await parts.addSink('locked', { secrets });
    const fine = await parts.addSink('fine');
    const [waiting = ''] = await parts.addDue(locked.id, 1);
    await parts.addDue(fine.id, 1);
    await start();
    expect(parts.destinations.tries.map(({ url }) => url)).toEqual(['http://fine']);
    expect((await parts.read(waiting)).state).toBe('due');

    const opened = parts.cipher.seal('[]', `sink:${locked.id}:secrets`);
    await parts.sinks.update('default', locked.id, { secrets: opened }, parts.clock.now());
    await parts.clock.pass(5 * SECOND);
    expect((await parts.read(waiting)).state).toBe('delivered');
  });
});

describe('whatever the quotas are', () => {
  it('neither is ever exceeded, and everything arrives', async () => {
    const quota = fc.record({
      concurrency: fc.integer({ min: 1, max: 30 }),
      ratePerSecond: fc.option(fc.integer({ min: 1, max: 40 })),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(quota, async ({ concurrency, ratePerSecond }) => {
        const name = `quota-${(round += 1)}`;
        const { clock, destinations } = parts;
        const sink = await parts.addSink(name, { concurrency, ratePerSecond });
        const begun: number[] = [];
        destinations.answer(async () => {
          begun.push(clock.now());
          await new Promise<void>((resolve) => void clock.after(300, resolve));
          return DELIVERED;
        });
        await parts.addDue(sink.id, 40);
        await parts.lanes.refresh();
        parts.sweep.lane(sink.id);
        await clock.settled();
        while (begun.length < 40) await clock.pass(100);
        await clock.pass(300);
        expect(destinations.at(`http://${name}`)).toHaveLength(40);
        expect(destinations.most.get(`http://${name}`) ?? 0).toBeLessThanOrEqual(concurrency);
        expect(mostInAWindow(begun)).toBeLessThanOrEqual(ratePerSecond ?? Infinity);
      }),
      { numRuns: 12 },
    );
  });
});

/** Windows of a second, each opened by the first try after the one before. */
function mostInAWindow(times: readonly number[]): number {
  let opened = -Infinity;
  let count = 0;
  let most = 0;
  for (const time of times) {
    if (time >= opened + SECOND) [opened, count] = [time, 0];
    count += 1;
    most = Math.max(most, count);
  }
  return most;
}
