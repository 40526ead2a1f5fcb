import { BSON } from 'mongodb';
import type { InboxAppend } from '../../ports/inbox.ts';
import type { MongoDatabase } from './database.ts';
import {
  toHeldDocument,
  toReceiptDocument,
  type HeldDocument,
  type ReceiptDocument,
} from './inbox-documents.ts';
import type { Grouped, Outcomes } from './inbox-group-commit.ts';
import { insertMissing } from './insert-missing.ts';

export const RECEIPTS = 'receipts';
export const HELD = 'held';

/** One append as it is written. */
export interface InboxWrite extends Grouped {
  readonly receipts: readonly ReceiptDocument[];
  readonly held: readonly HeldDocument[];
  readonly release: readonly string[];
  /** Told once all of `held` is there, also when a later step fails. */
  readonly isHeld: (() => void) | undefined;
}

export function toInboxWrite(
  { receipt, held = [], release = [] }: InboxAppend,
  isHeld?: () => void,
): InboxWrite {
  const receipts = receipt === undefined ? [] : [toReceiptDocument(receipt)];
  const heldDocuments = held.map(toHeldDocument);
  let bytes = 0;
  for (const document of [...heldDocuments, ...receipts]) {
    bytes += BSON.calculateObjectSize(document);
  }
  return { bytes, receipts, held: heldDocuments, release, isHeld };
}

/**
 * Writes a batch in three commands at most, in an order in which it may stop anywhere: an item is
 * held before its POST's receipt is there, and released only after the receipt that takes it over.
 * `durable` is told of each receipt that is there, also when a later step fails.
 */
export function createInboxWriter({
  database,
  durable,
}: {
  database: MongoDatabase;
  durable: (receipt: ReceiptDocument) => void;
}) {
  async function insertReceipts(documents: readonly ReceiptDocument[]) {
    const refused = await insertMissing(database, RECEIPTS, documents);
    for (const [place, receipt] of documents.entries()) {
      if (!refused.has(place)) durable(receipt);
    }
    return refused;
  }

  async function removeHeld(ids: readonly string[]) {
    const held = database.db.collection<HeldDocument>(HELD);
    await database.run(() => held.deleteMany({ _id: { $in: ids } }));
    return new Map<number, unknown>();
  }

  return async function write(batch: readonly InboxWrite[]): Promise<Outcomes> {
    const failures = new Map<InboxWrite, unknown>();

    /** Does one command for those that have not failed before; its failures are theirs alone. */
    async function step<P>(
      partsOf: (write: InboxWrite) => readonly P[],
      run: (parts: readonly P[]) => Promise<ReadonlyMap<number, unknown>>,
    ): Promise<void> {
      const owners: InboxWrite[] = [];
      const parts: P[] = [];
      for (const write of batch) {
        if (failures.has(write)) continue;
        for (const part of partsOf(write)) {
          owners.push(write);
          parts.push(part);
        }
      }
      if (parts.length === 0) return;
      const refused = await run(parts).catch(
        (error: unknown) => new Map(parts.map((_, place) => [place, error])),
      );
      for (const [place, owner] of owners.entries()) {
        if (refused.has(place)) failures.set(owner, refused.get(place));
      }
    }

    await step(
      ({ held }) => held,
      (documents) => insertMissing(database, HELD, documents),
    );
    for (const write of batch) {
      if (write.held.length > 0 && !failures.has(write)) write.isHeld?.();
    }
    await step(({ receipts }) => receipts, insertReceipts);
    await step(({ release }) => release, removeHeld);
    return batch.map((write) => failures.get(write));
  };
}
