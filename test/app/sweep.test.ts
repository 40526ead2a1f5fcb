import type { Receipt } from '../../src/domain/notifications/receipt.ts';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LANE_HINTS } from '../../src/app/delivery/sweep.ts';
import { until } from '../support/wait.ts';
import {
  DELIVERED,
  FAILED,
  failed,
  openDeliveryParts,
  type DeliveryParts,
} from './delivery-parts.ts';

const SECOND = 1000;

let parts: DeliveryParts;

beforeEach(async () => {
  parts = await openDeliveryParts();
});
afterEach(() => parts.close());

describe('the sweep of deliveries', () => {
  it('lets a backlog far beyond the queue drain without a pause', async () => {
    const { clock, destinations, queue } = parts;
    const { id } = await parts.addSink('busy', { concurrency: 200 });
    await parts.addDue(id, 10_000);
    let most = 0;
    destinations.answer(() => {
      most = Math.max(most, queue.size('deliver', id));
      return DELIVERED;
    });
    // The clock stands still: nothing but the lane itself can bring what the first sweep left out.
    await parts.sweep.start();
    await until(() => destinations.tries.length >= 10_000, 'all of it');
    await clock.settled();
    expect(new Set(destinations.tries.map(({ deliveryId }) => deliveryId)).size).toBe(10_000);
    expect(await parts.deliveries.due(id, clock.now(), 1)).toEqual([]);
    expect(most).toBeLessThanOrEqual(LANE_HINTS);
  });

  it('finds what nobody has hinted at, at its time', async () => {
    const { clock, destinations } = parts;
    const { id: sinkId } = await parts.addSink('one');
    await parts.sweep.start();
    const [id = ''] = await parts.addDue(sinkId, 1);
    await clock.pass(4.9 * SECOND);
    expect(destinations.tries).toEqual([]);
    await clock.pass(0.1 * SECOND);
    expect(destinations.tries.map(({ deliveryId }) => deliveryId)).toEqual([id]);
  });

  it('sends the longest due first', async () => {
    const { clock, destinations } = parts;
    const { id } = await parts.addSink('one', { concurrency: 1 });
    const ids: string[] = [];
    for (let minute = 0; minute < 5; minute += 1) {
      ids.push(...(await parts.addDue(id, 2)));
      await clock.pass(60 * SECOND);
    }
    await parts.sweep.start();
    await clock.settled();
    expect(destinations.tries.map(({ deliveryId }) => deliveryId)).toEqual(ids);
  });

  it('goes on where the store failed for a while', async () => {
    const { clock, destinations, deliveries } = parts;
    const { id } = await parts.addSink('one');
    await parts.addDue(id, 1);
    const due = jest.spyOn(deliveries, 'due').mockRejectedValue(new Error('away'));
    await parts.sweep.start();
    await clock.pass(20 * SECOND);
    expect(destinations.tries).toEqual([]);
    due.mockRestore();
    await clock.pass(5 * SECOND);
    expect(destinations.tries).toHaveLength(1);
  });

  it('tries what a clock that was set back has put off, hinted at or not', async () => {
    const { clock, destinations } = parts;
    const { id } = await parts.addSink('one');
    const [hinted = ''] = await parts.addDue(id, 2);
    const later = failed('http-503', 503, 3600 * SECOND);
    destinations.answer(({ deliveryId }) => (deliveryId === hinted ? FAILED : later));
    await parts.sweep.start();
    await clock.settled();
    expect(destinations.tries).toHaveLength(2);
    destinations.answer(() => DELIVERED);
    await clock.leap(-3 * 3600 * SECOND);
    parts.sweep.lanes();
    await clock.settled();
    expect(destinations.tries).toHaveLength(4);
    expect(await parts.deliveries.due(id, clock.now() + 86_400 * SECOND, 1)).toEqual([]);
  });

  it('tries at its start what was made before the clock was set back', async () => {
    const { clock, destinations } = parts;
    const { id } = await parts.addSink('one');
    await parts.addDue(id, 1200);
    await clock.leap(-3 * 3600 * SECOND);
    await parts.sweep.start();
    await clock.settled();
    expect(destinations.tries).toHaveLength(1200);
  });

  it('leaves a retry to its time where the clock goes on', async () => {
    const { clock, deliveries, destinations, sweep } = parts;
    const { id } = await parts.addSink('one');
    await parts.addDue(id, 1);
    destinations.answer(() => failed('http-503', 503, 3600 * SECOND));
    await sweep.start();
    const forward = jest.spyOn(deliveries, 'bringForward');
    await clock.pass(600 * SECOND);
    await clock.leap(-30 * SECOND);
    sweep.lanes();
    await clock.settled();
    expect(forward).not.toHaveBeenCalled();
    expect(destinations.tries).toHaveLength(1);
  });

  it('gives up at its start what is due for a sink that is gone for good', async () => {
    const sink = await parts.addSink('one');
    const gone = await parts.addSink('gone');
    const [kept = ''] = await parts.addDue(sink.id, 1);
    const [left = ''] = await parts.addDue(gone.id, 600);
    await parts.sinks.softDelete('default', gone.id, parts.clock.now());
    await parts.sinks.permanentlyDelete('default', gone.id);
    parts.destinations.answer(() => FAILED);
    await parts.sweep.start();
    await parts.clock.settled();
    expect((await parts.read(left)).state).toBe('discarded');
    expect(await parts.deliveries.depth(gone.id)).toMatchObject({ due: 0 });
    expect((await parts.read(kept)).state).toBe('due');
  });

  it('does not begin again once it was stopped', async () => {
    const { clock, destinations } = parts;
    const { id } = await parts.addSink('one');
    await parts.sweep.start();
    parts.sweep.stop();
    await parts.addDue(id, 1);
    await clock.pass(60 * SECOND);
    expect(destinations.tries).toEqual([]);
  });

  it('is asked again while it runs, and looks again', async () => {
    const { clock, destinations, lanes, sweep } = parts;
    const { id } = await parts.addSink('one');
    await lanes.refresh();
    const first = await parts.addDue(id, 1);
    // The second row comes while the first look is under way; only another look can find it.
    sweep.lane(id);
    const second = parts.addDue(id, 1);
    await second;
    sweep.lane(id);
    await clock.settled();
    expect(destinations.tries.map(({ deliveryId }) => deliveryId)).toEqual([
      ...first,
      ...(await second),
    ]);
  });

  it('expands receipts itself while the queue is away, and leaves them to it after', async () => {
    const receiptOf = (n: number): Receipt => ({
      id: `${String(parts.clock.now()).padStart(15, '0')}-${String(n).padStart(5, '0')}-test`,
      organizationId: 'default',
      receivedAt: parts.clock.now(),
      tokens: null,
      items: [
        {
          place: 0,
          organizationId: 'default',
          subscriptionId: 's',
          applicationId: 'a',
          text: '{}',
        },
      ],
    });
    const append = (receipt: Receipt) =>
      parts.inbox.append({ receipt }, parts.clock.now() + 60_000);
    await parts.sweep.start();
    parts.setQueueAway(true);
    const receipts = Array.from({ length: 50 }, (_, n) => receiptOf(n));
    await Promise.all(receipts.map(append));
    await parts.clock.pass(4 * SECOND);
    expect(parts.expanded).toEqual([]); // they are too young to be anybody's but their instance's
    await parts.clock.pass(6 * SECOND);
    expect(parts.expanded.toSorted()).toEqual(receipts.map(({ id }) => id));
    parts.setQueueAway(false);
    await append(receiptOf(60));
    await parts.clock.pass(11 * SECOND);
    expect(parts.expanded).toHaveLength(50);
    expect(parts.queue.size('expand', 'receipts')).toBe(1);
  });

  it('judges again what another instance has held, which this one has not counted', async () => {
    const held = {
      id: 'r_0',
      organizationId: 'default',
      subscriptionId: 'a-stranger',
      receiptId: 'r',
      place: 0,
      receivedAt: parts.clock.now(),
      clientStateDigest: 'd'.repeat(64),
      tokens: null,
      text: '{}',
    };
    await parts.inbox.append({ held: [held] }, parts.clock.now() + 60_000);
    await parts.sweep.start();
    await parts.clock.pass(1 * SECOND);
    expect(parts.judged).toEqual(['a-stranger']);
  });
});
