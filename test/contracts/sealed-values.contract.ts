import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Envelope } from '../../src/domain/envelope.ts';
import type { DeliveryStore } from '../../src/ports/delivery-store.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import type { SealedValues } from '../../src/ports/sealed-values.ts';
import type { SinkRepository } from '../../src/ports/sink-repository.ts';
import { aDelivery, anEnvelope, aNotification, anOutcome, aSink } from '../support/builders.ts';

export interface SealedValuesHarness {
  readonly sealed: SealedValues;
  readonly sinks: SinkRepository;
  readonly deliveries: DeliveryStore;
  readonly inbox: Inbox;
  close(): Promise<void>;
}

const NOW = 1_763_733_600_000;
const by = (keyId: string): Envelope => ({ ...anEnvelope(), keyId });

/** What `SealedValues` promises. Every adapter runs all of it; none opts out of a case. */
export function describeSealedValues(
  adapter: string,
  open: () => Promise<SealedValuesHarness>,
): void {
  describe(`SealedValues contract: ${adapter}`, () => {
    let harness: SealedValuesHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const needed = async () => (await harness.sealed.neededKeys()).toSorted();
    const soon = () => Date.now() + 60_000;
    const place = { organizationId: 'default', receivedAt: NOW };
    const receiptId = `${String(NOW).padStart(15, '0')}-00000-test`;

    it('needs none while nothing is sealed', async () => {
      await harness.sinks.insert(aSink());
      await harness.deliveries.insertNotifications([aNotification()]);
      await harness.inbox.append({ receipt: aReceipt(null) }, soon());
      expect(await needed()).toEqual([]);
    });

    it('names each key once, wherever it stands', async () => {
      const sinks = [
        aSink({ secrets: by('secrets'), headers: by('headers') }),
        aSink({ secrets: by('secrets') }),
        aSink({ secrets: null, headers: null }),
      ];
      for (const sink of sinks) await harness.sinks.insert(sink);
      await harness.deliveries.insertNotifications([
        aNotification({ state: 'waiting', data: null, sealed: by('waiting') }),
        aNotification({ state: 'waiting', data: null, sealed: by('secrets') }),
        aNotification(),
      ]);
      const held = { ...place, id: 'held', subscriptionId: 's', receiptId, place: 0, text: '{}' };
      await harness.inbox.append(
        {
          receipt: aReceipt(by('receipts')),
          held: [{ ...held, clientStateDigest: 'd', tokens: by('held') }],
        },
        soon(),
      );
      expect(await needed()).toEqual(['headers', 'held', 'receipts', 'secrets', 'waiting']);
    });

    it('counts sinks that can be restored, and none that are gone', async () => {
      const [kept, gone] = [aSink({ secrets: by('kept') }), aSink({ secrets: by('gone') })];
      for (const sink of [kept, gone]) {
        await harness.sinks.insert(sink);
        await harness.sinks.softDelete(sink.organizationId, sink.id, NOW);
      }
      await harness.sinks.permanentlyDelete(gone.organizationId, gone.id);
      expect(await needed()).toEqual(['kept']);
    });

    it('does without the answers to tries', async () => {
      const notification = aNotification();
      const delivery = aDelivery(notification);
      await harness.deliveries.insertNotifications([notification]);
      await harness.deliveries.insertDeliveries([delivery]);
      await harness.deliveries.claim(delivery.id, 0, NOW + 15_000);
      const outcome = anOutcome('dead', NOW, { answer: by('answer') });
      expect(await harness.deliveries.finish(delivery.id, 1, outcome)).toBe(true);
      expect(await needed()).toEqual([]);
    });

    function aReceipt(tokens: Envelope | null) {
      const item = { organizationId: 'default', subscriptionId: 's', applicationId: 'a' };
      return { ...place, id: receiptId, tokens, items: [{ ...item, place: 0, text: '{}' }] };
    }
  });
}
