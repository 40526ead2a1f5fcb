import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createListen, type Listen } from '../../src/app/delivery/listen.ts';
import { createListeners } from '../../src/app/delivery/listeners.ts';
import { createManageSinks } from '../../src/app/delivery/manage-sinks.ts';
import type { Principal } from '../../src/domain/identity/principal.ts';
import { aDelivery, aNotification } from '../support/builders.ts';
import { silentLog } from '../support/silent-log.ts';
import { openTestStore, type TestStore } from '../support/sqlite-store.ts';

const operator: Principal = {
  organizationId: 'default',
  id: 'operator',
  ipAddress: undefined,
  userAgent: undefined,
  requestId: 'request',
};
const wanted = { filter: {}, description: null };
const STRAGGLERS_MS = 10_000;

describe('what a listener leaves', () => {
  let store: TestStore;
  let listen: Listen;

  beforeEach(async () => {
    store = await openTestStore();
    listen = open();
  });
  afterEach(() => store.close());

  function open(): Listen {
    const key = { id: 'k', key: 'ab'.repeat(32) };
    const parts = {
      ...store,
      cipher: createCipher({ keys: [key] }),
      digest: createDigest(),
      log: silentLog,
      metrics: createMetrics(),
      production: false,
      changed: () => undefined,
    };
    const listeners = createListeners(parts);
    return createListen({ ...parts, listeners, manageSinks: createManageSinks(parts) });
  }

  /** A notification that an expansion under way has chosen the sink for; gives its delivery's state. */
  async function choose(sinkId: string): Promise<() => Promise<string | undefined>> {
    const notification = aNotification({ sinkIds: [sinkId] });
    await store.deliveries.insertNotifications([notification]);
    await store.deliveries.insertDeliveries([aDelivery(notification, { sinkId })]);
    return async () => (await store.deliveries.deliveriesOf(notification.id))[0]?.state;
  }

  it('is nothing: the sink goes, and what waits for it is given up', async () => {
    const listener = await listen.begin(operator, wanted, () => undefined);
    const state = await choose(listener.sinkId);
    await Promise.all([listener.end(), listener.end()]);
    expect(await store.sinks.all()).toEqual([]);
    expect(await state()).toBe('discarded');
  });

  it('is found when it was chosen while the sink was being removed', async () => {
    const listener = await listen.begin(operator, wanted, () => undefined);
    await listener.end();
    const state = await choose(listener.sinkId);
    expect(await state()).toBe('due');
    await store.clock.turn(STRAGGLERS_MS);
    await listen.settle();
    expect(await state()).toBe('discarded');
  });

  it('is found at the stop, which does not wait for that', async () => {
    const listener = await listen.begin(operator, wanted, () => undefined);
    void listener.end();
    const state = await choose(listener.sinkId);
    await listen.settle();
    expect(await store.sinks.all()).toEqual([]);
    expect(await state()).toBe('discarded');
  });

  it('is removed by the next process when this one is killed', async () => {
    const { sinkId } = await listen.begin(operator, wanted, () => undefined);
    await listen.begin({ ...operator, organizationId: 'other' }, wanted, () => undefined);
    const state = await choose(sinkId);
    await open().removeLeftovers();
    expect(await store.sinks.all()).toEqual([]);
    expect(await state()).toBe('discarded');
  });

  it('is removed by another instance once its own has not said for long that it lives', async () => {
    const { sinkId } = await listen.begin(operator, wanted, () => undefined);
    const other = open();
    for (let minute = 0; minute < 5; minute += 1) {
      await listen.tend();
      await other.tend();
      await store.clock.turn(60_000);
    }
    expect((await store.sinks.all()).map(({ id }) => id)).toEqual([sinkId]);
    await store.clock.turn(90_000);
    await other.tend();
    expect(await store.sinks.all()).toEqual([]);
  });
});
