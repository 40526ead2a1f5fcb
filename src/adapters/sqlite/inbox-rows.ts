import type { HeldItem, Receipt, ReceiptItem } from '../../domain/notifications/receipt.ts';
import type { HeldUsage, Unsettled } from '../../ports/inbox.ts';
import { EnvelopeColumn, writeEnvelope } from './columns.ts';
import type { HeldRow, ReceiptRow } from './inbox-thread.ts';

type Header = readonly [
  place: number,
  organizationId: string,
  subscriptionId: string,
  applicationId: string,
  length: number,
];

/**
 * The items as one text: a line of JSON that tells their lengths, and their texts one after the
 * other. Writing them as JSON would escape and copy every character once more, on the way to the
 * acknowledgement.
 */
export function writeItems(items: readonly ReceiptItem[]): string {
  const header = items.map((item): Header => [
    item.place,
    item.organizationId,
    item.subscriptionId,
    item.applicationId,
    item.text.length,
  ]);
  return `${JSON.stringify(header)}\n${items.map(({ text }) => text).join('')}`;
}

/** Reads what `writeItems` has written. */
export function readItems(stored: string): ReceiptItem[] {
  const headerEnd = stored.indexOf('\n');
  const header = JSON.parse(stored.slice(0, headerEnd)) as readonly Header[];
  let at = headerEnd + 1;
  return header.map(([place, organizationId, subscriptionId, applicationId, length]) => {
    const text = stored.slice(at, at + length);
    at += length;
    return { place, organizationId, subscriptionId, applicationId, text };
  });
}

export function toReceiptRow(receipt: Receipt): ReceiptRow {
  const { id, organizationId, receivedAt, tokens, items } = receipt;
  return [id, organizationId, receivedAt, writeEnvelope(tokens), writeItems(items)];
}

export function toReceipt(row: unknown): Receipt {
  const { id, organization_id, received_at, tokens, items } = row as Record<string, unknown>;
  return {
    id: String(id),
    organizationId: String(organization_id),
    receivedAt: Number(received_at),
    tokens: EnvelopeColumn.parse(tokens),
    items: readItems(String(items)),
  };
}

export function toHeldRow(held: HeldItem): HeldRow {
  return [
    held.id,
    held.organizationId,
    held.subscriptionId,
    held.receiptId,
    held.place,
    held.receivedAt,
    held.clientStateDigest,
    writeEnvelope(held.tokens),
    held.text,
  ];
}

export function toHeldItem(row: Record<string, unknown>): HeldItem {
  return {
    id: String(row['id']),
    organizationId: String(row['organization_id']),
    subscriptionId: String(row['subscription_id']),
    receiptId: String(row['receipt_id']),
    place: Number(row['place']),
    receivedAt: Number(row['received_at']),
    clientStateDigest: String(row['client_state_digest']),
    tokens: EnvelopeColumn.parse(row['tokens']),
    text: String(row['text']),
  };
}

/** What comes from the thread, by its shape. */
export const Rows = {
  list: (rows: unknown) => rows as Record<string, unknown>[],

  unsettled: (rows: unknown): Unsettled[] =>
    Rows.list(rows).map((row) => ({
      id: String(row['id']),
      receivedAt: Number(row['received_at']),
    })),

  subscriptionIds: (rows: unknown): string[] =>
    Rows.list(rows).map((row) => String(row['subscription_id'])),

  heldUsage: (rows: unknown): HeldUsage[] =>
    Rows.list(rows).map((row) => ({
      id: String(row['id']),
      subscriptionId: String(row['subscription_id']),
      receivedAt: Number(row['received_at']),
      bytes: Number(row['bytes']),
    })),
};
