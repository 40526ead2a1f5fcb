import { beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { createListeners, type Hand, type Listeners } from '../../src/app/delivery/listeners.ts';
import {
  describeNotificationSink,
  eventOf,
  tryOf,
} from '../contracts/notification-sink.contract.ts';
import { TurnedClock } from '../support/clock.ts';

describeNotificationSink('listener', async () => {
  const listeners = createListeners({ clock: systemClock });
  const arrived: string[] = [];
  const disconnect = listeners.connect('sink', ({ id }, deliveryId) => {
    arrived.push(id);
    listeners.answer('sink', [{ deliveryId, status: 200, body: '' }]);
  });
  return {
    sink: listeners.sinkOf('sink'),
    arrived: () => arrived,
    confidential: [],
    logged: () => '',
    close: async () => disconnect(),
  };
});

describe('a listener', () => {
  let clock: TurnedClock;
  let listeners: Listeners;
  let handed: string[];
  const hand: Hand = (_event, deliveryId) => void handed.push(deliveryId);
  const deliver = (deliveryId: string, sinkId = 'sink') =>
    listeners.sinkOf(sinkId).deliver(eventOf('event'), tryOf(deliveryId));

  beforeEach(() => {
    clock = new TurnedClock();
    listeners = createListeners({ clock });
    handed = [];
  });

  it.each([
    [200, { outcome: 'delivered' }],
    [204, { outcome: 'delivered' }],
    [302, { outcome: 'retry', reason: 'http-302' }],
    [400, { outcome: 'retry', reason: 'http-400' }],
    [410, { outcome: 'retry', reason: 'http-410' }],
    [500, { outcome: 'retry', reason: 'http-500' }],
    [null, { outcome: 'retry', reason: 'connection' }],
  ])('judges what it was answered: %s', async (status, expected) => {
    listeners.connect('sink', hand);
    const answer = deliver('a');
    listeners.answer('sink', [{ deliveryId: 'a', status, body: 'said' }]);
    expect(await answer).toMatchObject({
      ...expected,
      status,
      body: status === null ? '' : 'said',
    });
  });

  it('gives up a try that is not answered, and overlooks its answer then', async () => {
    listeners.connect('sink', hand);
    const answer = deliver('a');
    let ended = false;
    void answer.then(() => {
      ended = true;
    });
    await clock.turn(14_999);
    expect(ended).toBe(false);
    await clock.turn(1);
    expect(await answer).toMatchObject({ outcome: 'retry', reason: 'timeout' });
    listeners.answer('sink', [{ deliveryId: 'a', status: 200, body: '' }]);
    const second = deliver('a');
    listeners.answer('sink', [{ deliveryId: 'a', status: 200, body: '' }]);
    expect(await second).toMatchObject({ outcome: 'delivered' });
  });

  it('has its tries made again when it goes', async () => {
    const disconnect = listeners.connect('sink', hand);
    const answers = [deliver('a'), deliver('b')];
    disconnect();
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ outcome: 'retry', reason: 'connection' });
    }
    expect(await deliver('c')).toMatchObject({ outcome: 'retry', reason: 'connection' });
    expect(handed).toEqual(['a', 'b']);
  });

  it('does not answer for another', async () => {
    listeners.connect('sink', hand);
    listeners.connect('other', hand);
    const answer = deliver('a', 'other');
    listeners.answer('sink', [{ deliveryId: 'a', status: 200, body: '' }]);
    listeners.answer('nobody', [{ deliveryId: 'a', status: 200, body: '' }]);
    await clock.turn(15_000);
    expect(await answer).toMatchObject({ reason: 'timeout' });
  });
});
