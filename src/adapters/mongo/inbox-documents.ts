import { z } from 'zod';
import { heldBytes } from '../../domain/notifications/held-quota.ts';
import type { HeldItem, Receipt, ReceiptItem } from '../../domain/notifications/receipt.ts';
import type { HeldUsage, Unsettled } from '../../ports/inbox.ts';

const Tokens = z
  .object({ keyId: z.string(), encrypted: z.string(), iv: z.string(), tag: z.string() })
  .nullable();

const ReceiptDocument = z.object({
  _id: z.string(),
  organizationId: z.string(),
  receivedAt: z.int(),
  tokens: Tokens,
  /** Whose each item is, and how long its text; JSON. */
  items: z.string(),
  /** The texts of the items, one after the other. */
  texts: z.string(),
});

const HeldDocument = z.object({
  _id: z.string(),
  organizationId: z.string(),
  subscriptionId: z.string(),
  receiptId: z.string(),
  place: z.int(),
  receivedAt: z.int(),
  clientStateDigest: z.string(),
  tokens: Tokens,
  text: z.string(),
  /** Of the text in UTF-8. */
  bytes: z.int(),
});

/**
 * One receipt. MongoDB takes 16 MiB a document, and a body of 4 MiB stays well below: its texts are
 * kept as they came; sealed tokens are hex, twice their length; and what `items` says of an item
 * (some 120 bytes) is about the length of the shortest item that is taken, its two GUIDs included.
 * As documents within the document the shortest items would grow fourfold, by the names of fields.
 */
export type ReceiptDocument = z.infer<typeof ReceiptDocument>;
export type HeldDocument = z.infer<typeof HeldDocument>;

const Items = z.array(
  z.tuple([
    z.int(), // place
    z.string(), // organizationId
    z.string(), // subscriptionId
    z.string(), // applicationId
    z.int(), // length of the text
  ]),
);

export function toReceiptDocument(receipt: Receipt): ReceiptDocument {
  const { id, organizationId, receivedAt, tokens, items } = receipt;
  const header: z.infer<typeof Items> = items.map((item) => [
    item.place,
    item.organizationId,
    item.subscriptionId,
    item.applicationId,
    item.text.length,
  ]);
  const texts = items.map(({ text }) => text).join('');
  return { _id: id, organizationId, receivedAt, tokens, items: JSON.stringify(header), texts };
}

export function readReceipt(document: unknown): Receipt {
  const { _id, items, texts, ...rest } = ReceiptDocument.parse(document);
  return { id: _id, ...rest, items: readItems(items, texts) };
}

function readItems(items: string, texts: string): ReceiptItem[] {
  let at = 0;
  return Items.parse(JSON.parse(items)).map(
    ([place, organizationId, subscriptionId, applicationId, length]) => {
      const text = texts.slice(at, at + length);
      at += length;
      return { place, organizationId, subscriptionId, applicationId, text };
    },
  );
}

export function toHeldDocument({ id, ...item }: HeldItem): HeldDocument {
  return { _id: id, ...item, bytes: heldBytes(Buffer.byteLength(item.text), item.tokens) };
}

export function readHeldItem(document: unknown): HeldItem {
  const { _id, bytes: _, ...item } = HeldDocument.parse(document);
  return { id: _id, ...item };
}

const UnsettledFields = ReceiptDocument.pick({ _id: true, receivedAt: true });

export function readUnsettled(document: unknown): Unsettled {
  const { _id, receivedAt } = UnsettledFields.parse(document);
  return { id: _id, receivedAt };
}

const UsageFields = HeldDocument.pick({
  _id: true,
  subscriptionId: true,
  receivedAt: true,
  bytes: true,
});

export function readHeldUsage(document: unknown): HeldUsage {
  const { _id, ...usage } = UsageFields.parse(document);
  return { id: _id, ...usage };
}
