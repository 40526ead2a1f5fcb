import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CloudEvent } from '../../src/domain/delivery/cloud-event.ts';
import type { NotificationSink, SinkTry } from '../../src/ports/notification-sink.ts';

export interface NotificationSinkHarness {
  readonly sink: NotificationSink;
  /** Ids of the events that the destination has got, in any order. */
  arrived(): readonly string[] | Promise<readonly string[]>;
  /** The destination keeps events by their ids, so that a repeat changes nothing there. */
  readonly keepsById?: boolean;
  /** What the sink knows and must tell nobody: secrets, URLs, own headers. */
  readonly confidential: readonly string[];
  /** Everything that was logged so far. */
  logged(): string;
  close(): Promise<void>;
}

/** An event with the given id; its data holds the word `private-data`. */
export function eventOf(id: string): CloudEvent {
  return {
    specversion: '1.0',
    id,
    source: '/tenants/t/applications/a',
    type: 'Microsoft.Graph.MessageCreated',
    subject: "users('ü')/messages/1",
    time: '2026-11-22T00:00:00.000Z',
    datacontenttype: 'application/json',
    subscriptionid: 's',
    tenantid: 't',
    sequence: '000001763769600000-00000-a',
    data: '{"private-data":12345678901234567890,"text":"\\u00fc ü 😀"}',
  };
}

/** A try that nobody aborts, unless a signal is given. */
export function tryOf(deliveryId: string, signal = new AbortController().signal): SinkTry {
  return { deliveryId, attempt: 1, signal };
}

/** What `NotificationSink` promises; the destination of the harness is well. */
export function describeNotificationSink(
  adapter: string,
  open: () => Promise<NotificationSinkHarness>,
): void {
  describe(`NotificationSink contract: ${adapter}`, () => {
    let harness: NotificationSinkHarness;
    const deliver = (id: string, signal?: AbortSignal) =>
      harness.sink.deliver(eventOf(id), tryOf(`${id}_sink`, signal));

    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    it('hands an event over before it says so', async () => {
      expect(await deliver('one')).toMatchObject({ outcome: 'delivered' });
      expect(await harness.arrived()).toEqual(['one']);
    });

    it('hands over a repeat as well: it does not judge', async () => {
      await deliver('one');
      expect(await deliver('one')).toMatchObject({ outcome: 'delivered' });
      expect(await harness.arrived()).toEqual(harness.keepsById ? ['one'] : ['one', 'one']);
    });

    it('hands over many at once, each one time', async () => {
      const ids = Array.from({ length: 100 }, (_, index) => `event-${index}`);
      const answers = await Promise.all(ids.map((id) => deliver(id)));
      expect(answers.filter(({ outcome }) => outcome !== 'delivered')).toEqual([]);
      expect((await harness.arrived()).toSorted()).toEqual(ids.toSorted());
    });

    it('does nothing when the signal is aborted already', async () => {
      expect(await deliver('one', AbortSignal.abort())).toEqual({ outcome: 'aborted' });
      expect(await harness.arrived()).toEqual([]);
    });

    it('comes to an end when it is aborted on the way', async () => {
      const controller = new AbortController();
      const answer = deliver('one', controller.signal);
      controller.abort();
      expect(['aborted', 'delivered']).toContain((await answer).outcome);
    });

    it('leaves nothing on a signal that lives on', async () => {
      const { signal } = new AbortController();
      await Promise.all(Array.from({ length: 30 }, (_, index) => deliver(`${index}`, signal)));
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });

    it('tells neither its secrets nor the data', async () => {
      const told = JSON.stringify(await deliver('one')) + harness.logged();
      for (const secret of [...harness.confidential, 'private-data']) {
        expect(told).not.toContain(secret);
      }
    });
  });
}
