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

beforeEach(async () => {
  parts = await openDeliveryParts();
});
afterEach(() => parts.close());

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

/** Lets so much time pass, and then one purge: the clock does not run through each minute. */
async function purgeAfter(ms: number): Promise<void> {
  await parts.clock.turn(ms - MINUTE);
  const stop = startRetention({ ...parts, limits: LIMITS });
  await parts.clock.pass(MINUTE);
  stop();
}

describe('retention', () => {
  it('purges what was delivered, or had nowhere to go, after its days and not before', async () => {
    const delivered = await add({}, 'delivered', 'delivered');
    const unwanted = await add({});
    await purgeAfter(7 * DAY);
    expect([await isThere(delivered), await isThere(unwanted)]).toEqual([true, true]);
    await purgeAfter(MINUTE + 1);
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
    await purgeAfter(400 * DAY);
    expect(await Promise.all(kept.map(isThere))).toEqual([true, true, true, true]);
  });

  it('keeps what may still be expanded, whatever its age', async () => {
    const { clock, inbox } = parts;
    const before = await add({ receivedAt: clock.now() - 1 });
    const row = aNotification({ receivedAt: clock.now() });
    const { organizationId, subscriptionId, applicationId, receivedAt } = row;
    const item = { place: 0, organizationId, subscriptionId, applicationId, text: '{}' };
    const receipt = { id: 'unsettled', organizationId, receivedAt, tokens: null, items: [item] };
    await inbox.append({ receipt }, clock.now() + MINUTE);
    await parts.deliveries.insertNotifications([row]);
    await purgeAfter(8 * DAY);
    expect([await isThere(before), await isThere(row.id)]).toEqual([false, true]);
    inbox.settle(receipt.id);
    await purgeAfter(MINUTE);
    expect(await isThere(row.id)).toBe(false);
  });

  it('keeps a dead letter for its own days, and its notification as long', async () => {
    const dead = await add({}, 'delivered', 'dead');
    await purgeAfter(30 * DAY);
    expect(await isThere(dead)).toBe(true);
    expect((await parts.deliveries.deadLetters('default', {}, { limit: 10 })).data).toHaveLength(1);
    await purgeAfter(MINUTE);
    expect((await parts.deliveries.deadLetters('default', {}, { limit: 10 })).data).toEqual([]);
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
    await purgeAfter(29 * DAY);
    expect(await isThere(id)).toBe(true);
    await purgeAfter(2 * DAY);
    expect(await isThere(id)).toBe(false);
  });

  it('removes 500 at a time, until nothing is left, and lets others in between', async () => {
    const { clock, deliveries } = parts;
    const old = Array.from({ length: 1800 }, () => aNotification({ receivedAt: clock.now() }));
    await deliveries.insertNotifications(old);
    await clock.turn(7 * DAY);
    const young = aNotification({ receivedAt: clock.now() });
    const events: string[] = [];
    const purge = async (order: PurgeOrder) => {
      const purged = await deliveries.purge(order);
      events.push(`${purged.notifications} of ${order.limit}`);
      return purged;
    };
    const stop = startRetention({
      ...parts,
      deliveries: { ...deliveries, purge },
      limits: LIMITS,
    });
    await clock.turn(MINUTE);
    await deliveries.insertNotifications([young]);
    events.push('inserted');
    await clock.settled();
    stop();
    expect(events.filter((event) => event !== 'inserted')).toEqual([
      '500 of 500',
      '500 of 500',
      '500 of 500',
      '300 of 500',
    ]);
    expect(events.indexOf('inserted')).toBeLessThan(3);
    const { data } = await deliveries.search('default', {}, { limit: 10 });
    expect(data.map(({ id }) => id)).toEqual([young.id]);
  });

  it('purges audit entries after theirs', async () => {
    await parts.audit.record(anAuditEntry());
    await purgeAfter(365 * DAY);
    expect((await parts.audit.search('default', {}, { limit: 10 })).data).toHaveLength(1);
    await purgeAfter(MINUTE + 1);
    expect((await parts.audit.search('default', {}, { limit: 10 })).data).toEqual([]);
  });

  it('goes on a minute after a purge that failed, and ends when it is stopped', async () => {
    const { clock, deliveries } = parts;
    let purges = 0;
    const purge = () => {
      purges += 1;
      if (purges === 1) return Promise.reject(new Error('away'));
      return Promise.resolve({ notifications: 0, deadLetters: 0 });
    };
    const stop = startRetention({
      ...parts,
      deliveries: { ...deliveries, purge },
      limits: LIMITS,
    });
    await clock.pass(MINUTE);
    expect(purges).toBe(1);
    await clock.pass(MINUTE);
    expect(purges).toBe(2);
    stop();
    await clock.pass(10 * MINUTE);
    expect(purges).toBe(2);
  });
});
