import type { Receipt } from '../../domain/notifications/receipt.ts';

const MAX_CHARACTERS = 32 * 1024 * 1024;
const STALE_MS = 30_000;

/**
 * Receipts on their way from their append to their expansion, so that these need not be read
 * again. Bounded: what does not fit is read from the inbox. To make room those go that have been here
 * for long, since another instance has expanded them; else the new one, since the next ones come first.
 */
export class FreshReceipts {
  readonly #receipts = new Map<string, Receipt>();
  #characters = 0;

  put(receipt: Receipt): void {
    if (this.#receipts.has(receipt.id)) return;
    const characters = sizeOf(receipt);
    if (this.#characters + characters > MAX_CHARACTERS) this.#forget(receipt.receivedAt - STALE_MS);
    if (this.#characters + characters > MAX_CHARACTERS) return;
    this.#characters += characters;
    this.#receipts.set(receipt.id, receipt);
  }

  take(id: string): Receipt | undefined {
    const receipt = this.#receipts.get(id);
    if (receipt === undefined) return undefined;
    this.#receipts.delete(id);
    this.#characters -= sizeOf(receipt);
    return receipt;
  }

  #forget(before: number): void {
    for (const { id, receivedAt } of this.#receipts.values()) {
      if (receivedAt >= before) return;
      this.take(id);
    }
  }
}

function sizeOf({ items }: Receipt): number {
  return items.reduce((sum, { text }) => sum + text.length, 0);
}
