import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { heldBytes } from '../../src/domain/notifications/held-quota.ts';
import type { HeldItem, Receipt } from '../../src/domain/notifications/receipt.ts';
import type { Inbox } from '../../src/ports/inbox.ts';

export interface InboxHarness {
  readonly inbox: Inbox;
  readonly now: () => number;
  /** Lets time pass for the inbox. */
  elapse(ms: number): Promise<void>;
  /** Closes it and opens it again on what it kept. */
  reopen(): Promise<InboxHarness>;
  /** Makes every write hang until the function it gives is called. */
  hang(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

let made = 0;

function aReceipt(over: Partial<Receipt> = {}): Receipt {
  made += 1;
  const id = `${String(1_763_733_600_000 + made).padStart(15, '0')}-00000-test`;
  const item = { organizationId: 'default', subscriptionId: 's-1', applicationId: 'a-1' };
  return {
    id,
    organizationId: 'default',
    receivedAt: 1_763_733_600_000 + made,
    tokens: null,
    items: [
      { ...item, place: 0, text: '{"n":12345678901234567890}' },
      { ...item, place: 2, text: '{"text":"line\\nbreak ✓ \\ud800"}' },
    ],
    ...over,
  };
}

function aHeldItem(over: Partial<HeldItem> = {}): HeldItem {
  made += 1;
  return {
    id: `held-${String(made).padStart(6, '0')}`,
    organizationId: 'default',
    subscriptionId: 's-unknown',
    receiptId: 'r-1',
    place: made,
    receivedAt: 1_763_733_600_000 + made,
    clientStateDigest: 'd'.repeat(64),
    tokens: null,
    text: '{"é":1}',
    ...over,
  };
}

/** What `Inbox` promises. Every adapter runs all of it; none opts out of a case. */
export function describeInbox(adapter: string, open: () => Promise<InboxHarness>): void {
  describe(`Inbox contract: ${adapter}`, () => {
    let harness: InboxHarness;
    const soon = () => harness.now() + 60_000;
    const append = (receipt: Receipt) => harness.inbox.append({ receipt }, soon());
    const ids = async () => (await harness.inbox.unsettled({ limit: 1000 })).map(({ id }) => id);

    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    it('gives back what was appended, to the last character', async () => {
      const tokens = { keyId: 'k', encrypted: 'ab', iv: 'cd', tag: 'ef' };
      const receipt = aReceipt({ tokens });
      await append(receipt);
      expect(await harness.inbox.read(receipt.id)).toEqual(receipt);
    });

    it('keeps what was appended over a restart, and counts it', async () => {
      const receipts = [aReceipt(), aReceipt(), aReceipt()];
      await Promise.all(receipts.map(append));
      harness = await harness.reopen();
      expect(await ids()).toEqual(receipts.map(({ id }) => id));
      const { receipts: count, oldestAt } = harness.inbox.backlog();
      expect({ count, oldestAt }).toEqual({ count: 3, oldestAt: receipts[0]?.receivedAt });
    });

    it('changes nothing when an id is appended again', async () => {
      const receipt = aReceipt();
      const item = aHeldItem();
      await harness.inbox.append({ receipt, held: [item] }, soon());
      await harness.inbox.append(
        { receipt: { ...receipt, items: [] }, held: [{ ...item, text: '{}' }] },
        soon(),
      );
      expect(await harness.inbox.read(receipt.id)).toEqual(receipt);
      expect(await harness.inbox.heldOf(item.subscriptionId)).toEqual([item]);
      expect(harness.inbox.backlog().receipts).toBe(1);
    });

    it('lists what is not settled page by page, the oldest first', async () => {
      const receipts = Array.from({ length: 7 }, () => aReceipt());
      for (const receipt of receipts.toReversed()) await append(receipt);
      const settled = receipts[1]?.id ?? '';
      harness.inbox.settle(settled);
      const seen: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await harness.inbox.unsettled({ after, limit: 2 });
        seen.push(...page.map(({ id }) => id));
        if (page.length < 2) break;
        after = page.at(-1)?.id;
      }
      expect(seen).toEqual(receipts.map(({ id }) => id).filter((id) => id !== settled));
    });

    it('forgets a settled receipt at once, and for good soon after', async () => {
      const [kept, settled] = [aReceipt(), aReceipt()];
      await append(kept);
      await append(settled);
      harness.inbox.settle(settled.id);
      expect(harness.inbox.backlog().receipts).toBe(1);
      expect(await harness.inbox.read(settled.id)).toBeUndefined();
      expect(await ids()).toEqual([kept.id]);
      await harness.elapse(200);
      harness = await harness.reopen();
      expect(await ids()).toEqual([kept.id]);
    });

    it('tells since when the oldest has been waiting', async () => {
      expect(harness.inbox.backlog()).toEqual({ receipts: 0, oldestAt: null });
      const [first, second] = [aReceipt(), aReceipt()];
      await append(first);
      await append(second);
      expect(harness.inbox.backlog().oldestAt).toBe(first.receivedAt);
      harness.inbox.settle(first.id);
      expect(harness.inbox.backlog().oldestAt).toBe(second.receivedAt);
    });

    it('takes many appends at once, and each is told of its own', async () => {
      const receipts = Array.from({ length: 200 }, () => aReceipt());
      await Promise.all(receipts.map(append));
      expect(await ids()).toEqual(receipts.map(({ id }) => id));
    });

    it('rejects at the deadline, and does not write what had not begun by then', async () => {
      const begun = [aReceipt(), aReceipt()]; // as many as an adapter writes at once
      const late = aReceipt();
      const goOn = await harness.hang();
      const deadline = harness.now() + 100;
      const rejected: Promise<void>[] = [];
      for (const receipt of [...begun, late]) {
        const appending = harness.inbox.append({ receipt }, deadline);
        rejected.push(expect(appending).rejects.toThrow('A store is unavailable'));
        await harness.elapse(10);
      }
      await harness.elapse(200);
      await Promise.all(rejected);
      await goOn();
      const after = aReceipt();
      await append(after);
      expect(await harness.inbox.read(late.id)).toBeUndefined();
      // Those whose write had begun may have become durable: then they count and are found.
      const found = await ids();
      expect(found).toContain(after.id);
      expect(harness.inbox.backlog().receipts).toBe(found.length);
    });

    it('rejects an append whose deadline has passed already', async () => {
      const receipt = aReceipt();
      const past = harness.inbox.append({ receipt }, harness.now() - 1);
      const rejected = expect(past).rejects.toThrow('A store is unavailable');
      await harness.elapse(1);
      await rejected;
      await append(aReceipt());
      expect(await harness.inbox.read(receipt.id)).toBeUndefined();
    });

    describe('held items', () => {
      it('are kept apart from receipts, by subscription, the oldest first', async () => {
        const items = [aHeldItem(), aHeldItem(), aHeldItem({ subscriptionId: 's-other' })];
        await harness.inbox.append({ held: items }, soon());
        harness = await harness.reopen();
        expect(harness.inbox.backlog().receipts).toBe(0);
        expect(await harness.inbox.heldOf('s-unknown')).toEqual(items.slice(0, 2));
        const subscriptions = await harness.inbox.heldSubscriptions();
        expect(subscriptions.toSorted()).toEqual(['s-other', 's-unknown']);
      });

      it('are told with their bytes, for counting', async () => {
        const tokens = { keyId: 'k', encrypted: 'ab'.repeat(500), iv: 'c', tag: 'd' };
        const [plain, encrypted] = [aHeldItem(), aHeldItem({ tokens })];
        await harness.inbox.append({ held: [plain, encrypted] }, soon());
        const usage = new Map((await harness.inbox.heldUsage()).map((held) => [held.id, held]));
        for (const item of [plain, encrypted]) {
          const { id, subscriptionId, receivedAt } = item;
          const bytes = heldBytes(Buffer.byteLength(item.text), item.tokens);
          expect(usage.get(id)).toEqual({ id, subscriptionId, receivedAt, bytes });
        }
        expect(usage.get(encrypted.id)?.bytes).toBeGreaterThan(1000);
      });

      it('go over into a receipt, all or nothing', async () => {
        const items = [aHeldItem(), aHeldItem()];
        await harness.inbox.append({ held: items }, soon());
        const receipt = aReceipt();
        await harness.inbox.append({ receipt, release: [items[0]?.id ?? ''] }, soon());
        expect(await harness.inbox.heldOf('s-unknown')).toEqual(items.slice(1));
        expect(await ids()).toEqual([receipt.id]);
      });

      it('are told to be there once they are, also after their append was rejected', async () => {
        const told: string[] = [];
        const append = (item: HeldItem, deadline: number) =>
          harness.inbox.append({ held: [item] }, deadline, () => told.push(item.id));
        const inTime = aHeldItem();
        await append(inTime, soon());
        expect(told).toEqual([inTime.id]);

        const goOn = await harness.hang();
        const deadline = harness.now() + 100;
        const rejected: Promise<void>[] = [];
        for (const item of [aHeldItem(), aHeldItem(), aHeldItem()]) {
          rejected.push(expect(append(item, deadline)).rejects.toThrow('A store is unavailable'));
          await harness.elapse(10);
        }
        await harness.elapse(200);
        await Promise.all(rejected);
        await goOn();
        await harness.inbox.append({ receipt: aReceipt() }, soon());
        const found = await harness.inbox.heldOf('s-unknown');
        expect(told).toEqual(found.map(({ id }) => id));
      });

      it('are dropped by age', async () => {
        const [old, young] = [aHeldItem({ receivedAt: 1000 }), aHeldItem({ receivedAt: 2000 })];
        await harness.inbox.append({ held: [old, young] }, soon());
        expect(await harness.inbox.purgeHeld(2000)).toBe(1);
        expect(await harness.inbox.heldOf('s-unknown')).toEqual([young]);
      });
    });
  });
}
