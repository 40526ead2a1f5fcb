import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createReplays, type Replays } from '../../src/app/delivery/replays.ts';
import { replayIdOf, type Replay } from '../../src/domain/delivery/replay.ts';
import type { Notification } from '../../src/domain/notifications/notification.ts';
import { aNotification } from '../support/builders.ts';
import { DELIVERED, FAILED, openDeliveryParts, type DeliveryParts } from './delivery-parts.ts';

const PRINCIPAL = {
  organizationId: 'default',
  id: 'operator',
  ipAddress: undefined,
  userAgent: undefined,
  requestId: 'r',
};
const LOOK_AGAIN_MS = 250;
const never = () => new Promise<never>(() => undefined);

let parts: DeliveryParts;
let replays: Replays;

beforeEach(async () => {
  parts = await openDeliveryParts();
  replays = createReplays({
    ...parts,
    digest: createDigest(),
    openSinks: () => parts.lanes.open(),
  });
});
afterEach(async () => {
  await replays.stop();
  await parts.close();
});

async function receive(count: number, changes: Partial<Notification> = {}) {
  const rows = Array.from({ length: count }, () =>
    aNotification({ receivedAt: parts.clock.now(), ...changes }),
  );
  await parts.deliveries.insertNotifications(rows);
  return rows.map(({ id }) => id);
}

const start = (sinkId?: string) => replays.start(PRINCIPAL, { filter: {}, sinkId });
const read = ({ id }: Replay) => replays.get(PRINCIPAL, id);

/** Ids of what a sink was brought by a replay, each delivery once. */
function broughtTo(url: string, { id }: Replay): string[] {
  const ids = parts.destinations.at(url).map(({ deliveryId }) => deliveryId);
  const ofReplay = new Set(ids.filter((deliveryId) => replayIdOf(deliveryId) === id));
  return [...ofReplay].map((deliveryId) => deliveryId.split('_')[0] ?? '');
}

const sorted = (ids: readonly string[]) => ids.toSorted((a, b) => a.localeCompare(b));

describe('a replay', () => {
  it('goes on where it stopped, and makes no delivery twice', async () => {
    const sink = await parts.addSink('new');
    await parts.lanes.refresh();
    const ids = await receive(450);
    // It dies between the deliveries of its second page and the note that they were made.
    const { advance } = parts.replays;
    let calls = 0;
    const dying = jest.spyOn(parts.replays, 'advance').mockImplementation(async (...args) => {
      calls += 1;
      if (calls === 2) throw new Error('away');
      return advance(...args);
    });
    const replay = await start(sink.id);
    await parts.clock.settled();
    expect(await read(replay)).toMatchObject({ state: 'running', notifications: 200 });
    dying.mockRestore();

    replays.resume();
    await parts.clock.settled();
    expect(await read(replay)).toMatchObject({
      state: 'done',
      notifications: 450,
      deliveries: 450,
      finishedAt: parts.clock.now(),
    });
    expect(sorted(broughtTo('http://new', replay))).toEqual(sorted(ids));
    expect(parts.destinations.at('http://new')).toHaveLength(450);
  });

  it('that fails holds up no other one', async () => {
    const sink = await parts.addSink('new');
    await parts.lanes.refresh();
    await receive(1);
    const { search } = parts.deliveries;
    const failing = jest.spyOn(parts.deliveries, 'search').mockImplementation((...args) => {
      return args[1].tenantId === 'broken' ? Promise.reject(new Error('away')) : search(...args);
    });
    const broken = await replays.start(PRINCIPAL, { filter: { tenantId: 'broken' } });
    const other = await start(sink.id);
    await parts.clock.settled();
    expect(await read(other)).toMatchObject({ state: 'done', deliveries: 1 });
    expect(await read(broken)).toMatchObject({ state: 'running' });
    failing.mockRestore();
    replays.resume();
    await parts.clock.settled();
    expect(await read(broken)).toMatchObject({ state: 'done', deliveries: 0 });
  });

  it('waits while its sink has much to do, and lets others go on meanwhile', async () => {
    const [slow, quick] = [await parts.addSink('slow'), await parts.addSink('quick')];
    await parts.sweep.start();
    await receive(2000);
    parts.destinations.answer(({ url }) => (url === 'http://slow' ? never() : DELIVERED));
    const held = await start(slow.id);
    const other = await start(quick.id);
    await parts.clock.pass(20 * LOOK_AGAIN_MS);
    expect(await read(other)).toMatchObject({ state: 'done', deliveries: 2000 });
    const { state, deliveries } = await read(held);
    expect(state).toBe('running');
    expect(deliveries).toBeGreaterThanOrEqual(1000);
    expect(deliveries).toBeLessThanOrEqual(1200);
  });

  it('to all sinks does not wait for one that keeps failing', async () => {
    const [down, up] = [await parts.addSink('down'), await parts.addSink('up')];
    await parts.sweep.start();
    parts.destinations.answer(({ url }) => (url === 'http://down' ? FAILED : DELIVERED));
    await receive(1500, { sinkIds: [down.id, up.id] });
    const replay = await start();
    await parts.clock.pass(20 * LOOK_AGAIN_MS);
    expect(await read(replay)).toMatchObject({ state: 'done', deliveries: 3000 });
    expect(broughtTo('http://up', replay)).toHaveLength(1500);
    expect((await parts.deliveries.depth(down.id)).due).toBe(1500);
  });

  it('leaves out what waits for its key, and what the service itself has told', async () => {
    const sink = await parts.addSink('new', { filter: { lifecycle: 'also' } });
    await parts.lanes.refresh();
    const [id] = await receive(1, { sinkIds: [sink.id] });
    await receive(1, { state: 'waiting', data: null, sinkIds: [sink.id] });
    await receive(1, { subscriptionId: '', tenantId: '', data: '{}', sinkIds: [sink.id] });
    const replayed = [await start(sink.id), await start()];
    await parts.clock.settled();
    for (const replay of replayed) {
      expect(await read(replay)).toMatchObject({ state: 'done', deliveries: 1 });
      expect(broughtTo('http://new', replay)).toEqual([id]);
    }
  });

  it('brings nothing to sinks that are deleted', async () => {
    const [kept, deleted] = [await parts.addSink('kept'), await parts.addSink('deleted')];
    await parts.lanes.refresh();
    await receive(1, { sinkIds: [kept.id, deleted.id] });
    await parts.sinks.softDelete('default', deleted.id, parts.clock.now());
    const replay = await start();
    await parts.clock.settled();
    expect(await read(replay)).toMatchObject({ state: 'done', deliveries: 1 });
    await expect(start(deleted.id)).rejects.toThrow('no such sink');
  });

  it('does not bring what comes in after it was asked for', async () => {
    const sink = await parts.addSink('new');
    await parts.lanes.refresh();
    const [id] = await receive(1);
    const replay = await start(sink.id);
    await receive(1, { receivedAt: parts.clock.now() + 1 });
    await parts.clock.settled();
    expect(broughtTo('http://new', replay)).toEqual([id]);
  });

  it('is begun although it was asked for while the last one ended', async () => {
    const sink = await parts.addSink('new');
    await parts.lanes.refresh();
    await receive(1);
    const running = jest.spyOn(parts.replays, 'running');
    let late: Promise<Replay> | undefined;
    running.mockImplementationOnce(async () => {
      late = start(sink.id);
      await late;
      return []; // as it was before
    });
    replays.resume();
    await parts.clock.settled();
    const replay = await late;
    if (replay === undefined) throw new Error('nobody looked');
    expect(await read(replay)).toMatchObject({ state: 'done', deliveries: 1 });
  });

  it('begins no further page once it was stopped', async () => {
    const sink = await parts.addSink('slow');
    await parts.sweep.start();
    parts.destinations.answer(never);
    await receive(2000);
    const replay = await start(sink.id);
    await parts.clock.settled();
    const before = await read(replay);
    expect(before).toMatchObject({ state: 'running' });
    await replays.stop(); // does not wait for room
    await parts.clock.pass(4 * LOOK_AGAIN_MS);
    replays.resume();
    await parts.clock.settled();
    expect(await read(replay)).toEqual(before);
  });
});
