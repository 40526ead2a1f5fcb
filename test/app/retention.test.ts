import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startRetention } from '../../src/app/delivery/retention.ts';
import type { Notification } from '../../src/domain/notifications/notification.ts';
import type { PurgeOrder, TryOutcome } from '../../src/ports/delivery-store.ts';
import {
  aDelivery,
  anAuditEntry,
  anEnvelope,
  aNotification,
  anOutcome,
} from '../support/builders.ts';
import { openDeliveryParts, type DeliveryParts } from './delivery-parts.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const LIMITS = { notificationsMs: 7 * DAY, deadLettersMs: 30 * DAY, auditMs: 365 * DAY };

let parts: DeliveryParts;
let orders: PurgeOrder[];
let stop: () => void;

beforeEach(async () => {
  parts = await openDeliveryParts();
  orders = [];
  const { clock, deliveries, audit, log } = parts;
  const watched = {
    ...deliveries,
    purge: (order: PurgeOrder) => {
      orders.push(order);
      return deliveries.purge(order);
    },
  };
  stop = startRetention({ clock, deliveries: watched, audit, log, limits: LIMITS });
});
afterEach(async () => {
  stop();
  await parts.close();
});

async function add(changes: Partial<Notification>, ...states: readonly string[]) {
  const { clock, deliveries } = parts;
  const row = aNotification({ receivedAt: clock.now(), ...changes });
  await deliveries.insertNotifications([row]);
  for (const state of states) {
    const delivery = aDelivery(row, { dueAt: clock.now() });
    await deliveries.insertDeliveries([delivery]);
    if (state === 'due') continue;
    const claimed = await deliveries.claim(delivery.id, 0, clock.now() + 15_000);
    if (state === 'claimed') continue;
    const outcome = anOutcome(state as TryOutcome['state'], clock.now());
    await deliveries.finish(delivery.id, claimed?.delivery.generation ?? 0, outcome);
  }
  return row.id;
}

const isThere = async (id: string) => (await parts.deliveries.find('default', id)) !== undefined;

/** Far ahead, and then one purge. */
async function after(ms: number): Promise<void> {
  await parts.clock.turn(ms - MINUTE);
  await parts.clock.settled();
  await parts.clock.pass(MINUTE);
}

describe('retention', () => {
  it('purges what was delivered, or had nowhere to go, after its days and not before', async () => {
    const delivered = await add({}, 'delivered', 'delivered');
    const unwanted = await add({});
    await after(7 * DAY - MINUTE);
    expect([await isThere(delivered), await isThere(unwanted)]).toEqual([true, true]);
    await parts.clock.pass(2 * MINUTE);
    expect([await isThere(delivered), await isThere(unwanted)]).toEqual([false, false]);
    expect(await parts.deliveries.deliveriesOf(delivered)).toEqual([]);
  });

  it('keeps what is open, whatever its age', async () => {
    const kept = [
      await add({}, 'delivered', 'due'),
      await add({}, 'claimed'),
      await add({ state: 'pending' }, 'delivered'),
      await add({ state: 'waiting', data: null, sealed: anEnvelope() }),
    ];
    await after(400 * DAY);
    expect(await Promise.all(kept.map(isThere))).toEqual([true, true, true, true]);
  });

  it('keeps a dead letter for its own days, and its notification as long', async () => {
    const dead = await add({}, 'delivered', 'dead');
    await after(30 * DAY - MINUTE);
    expect(await isThere(dead)).toBe(true);
    expect((await parts.deliveries.deadLetters('default', { limit: 10 })).data).toHaveLength(1);
    await parts.clock.pass(3 * MINUTE);
    expect((await parts.deliveries.deadLetters('default', { limit: 10 })).data).toEqual([]);
    expect(await isThere(dead)).toBe(false);
  });

  it('counts the days of a dead letter from its death', async () => {
    const id = await add({}, 'due');
    await parts.clock.turn(20 * DAY);
    const [delivery] = await parts.deliveries.deliveriesOf(id);
    const claimed = await parts.deliveries.claim(delivery?.id ?? '', 0, parts.clock.now() + 15_000);
    await parts.deliveries.finish(
      claimed?.delivery.id ?? '',
      claimed?.delivery.generation ?? 0,
      anOutcome('dead', parts.clock.now()),
    );
    await after(29 * DAY);
    expect(await isThere(id)).toBe(true);
    await after(2 * DAY);
    expect(await isThere(id)).toBe(false);
  });

  it('removes 500 at a time, until nothing is left, and lets others in between', async () => {
    const rows = Array.from({ length: 1800 }, () =>
      aNotification({ receivedAt: parts.clock.now() }),
    );
    await parts.deliveries.insertNotifications(rows);
    const young = aNotification({ receivedAt: parts.clock.now() + 7 * DAY });
    await parts.deliveries.insertNotifications([young]);
    await parts.clock.turn(7 * DAY);
    await parts.clock.settled();
    orders = [];
    await parts.clock.turn(MINUTE);
    // Asked in the middle of it, and answered before it is done.
    await parts.deliveries.insertNotifications([aNotification()]);
    expect(orders.length).toBeLessThan(4);
    await parts.clock.settled();
    expect(orders.map(({ limit }) => limit)).toEqual([500, 500, 500, 500]);
    const { data } = await parts.deliveries.search('default', {}, { limit: 10 });
    expect(data.map(({ id }) => id)).toContain(young.id);
    expect(data).toHaveLength(2);
  });

  it('purges audit entries after theirs', async () => {
    await parts.audit.record(anAuditEntry());
    await after(365 * DAY - MINUTE);
    expect(await parts.audit.latest('default', 10)).toHaveLength(1);
    await parts.clock.pass(2 * MINUTE);
    expect(await parts.audit.latest('default', 10)).toEqual([]);
  });

  it('goes on after a purge that failed, and ends when it is stopped', async () => {
    const old = await add({}, 'delivered');
    const { purge } = parts.audit;
    Object.assign(parts.audit, { purge: () => Promise.reject(new Error('away')) });
    await after(8 * DAY);
    Object.assign(parts.audit, { purge });
    await parts.clock.pass(MINUTE);
    expect(await isThere(old)).toBe(false);
    stop();
    const before = orders.length;
    await parts.clock.pass(10 * MINUTE);
    expect(orders).toHaveLength(before);
  });
});
