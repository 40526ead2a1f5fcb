import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import type { Inbox, Unsettled } from '../../ports/inbox.ts';
import type { Log } from '../../ports/log.ts';
import type { MongoDatabase } from './database.ts';
import { createBacklog } from './inbox-backlog.ts';
import {
  readHeldItem,
  readHeldUsage,
  readReceipt,
  readUnsettled,
  type HeldDocument,
  type ReceiptDocument,
} from './inbox-documents.ts';
import { createGroupCommit } from './inbox-group-commit.ts';
import { startRelisting } from './inbox-relisting.ts';
import { createSettling } from './inbox-settling.ts';
import { createInboxWriter, HELD, RECEIPTS, toInboxWrite } from './inbox-writer.ts';

// What others have settled is counted for so long at most; an age of seconds makes expansion hurry.
const RELIST_MS = 1000;
const RELIST_IDLE_MS = 5000;

export interface MongoInbox {
  readonly inbox: Inbox;
  /** Ends what is being written and removed; what hangs is not waited for longer than it may take. */
  close(): Promise<void>;
}

// How many of a long backlog are listed by name.
const LISTED = 1000;

/**
 * Opens the inbox in `receipts` and `held`, which instances share: each lists what any of them has
 * appended and not settled. Rejects with `StoreUnavailableError`.
 */
export async function openMongoInbox(deps: {
  database: MongoDatabase;
  clock: Clock;
  log: Log;
}): Promise<MongoInbox> {
  const { database } = deps;
  await indexInbox(database);
  const receipts = database.db.collection<ReceiptDocument>(RECEIPTS);
  const held = database.db.collection<HeldDocument>(HELD);
  const backlog = createBacklog();
  const settling = createSettling({
    ...deps,
    remove: (ids) => database.run(() => receipts.deleteMany({ _id: { $in: ids } })),
  });
  const commits = createGroupCommit({
    clock: deps.clock,
    write: createInboxWriter({
      database,
      // Counted when it is durable, which may be after its caller has gone.
      durable: ({ _id, receivedAt }) => backlog.add(_id, receivedAt),
    }),
  });

  async function list(after: string, limit: number): Promise<Unsettled[]> {
    const rest = receipts.find(
      { _id: { $gt: after } },
      { projection: { receivedAt: 1 }, sort: { _id: 1 }, limit, batchSize: limit },
    );
    return (await database.run(() => rest.toArray())).map(readUnsettled);
  }

  async function listBacklog() {
    const oldest = await list('', LISTED);
    if (oldest.length < LISTED) return { oldest, total: oldest.length };
    // Counted, because the number that the server keeps itself may be wrong after it has crashed; by
    // the index, because the receipts themselves are large, and there are many when this is asked.
    const counted = await database.run(() => receipts.countDocuments({}, { hint: '_id_' }));
    return { oldest, total: counted };
  }

  const relist = () => backlog.relist(listBacklog, settling.ids);
  await relist();
  const everyMs = () => (backlog.figures().receipts > 0 ? RELIST_MS : RELIST_IDLE_MS);
  const stopRelisting = startRelisting({ ...deps, relist, everyMs });

  const inbox: Inbox = {
    async append(entry, deadline, isHeld) {
      await commits.append(toInboxWrite(entry, isHeld), deadline);
    },

    async unsettled({ after = '', limit }) {
      const found: Unsettled[] = [];
      for (let last = after; found.length < limit;) {
        // As they are now: one may be removed, and forgotten, while it still is on this page.
        const settled = new Set(settling.ids);
        const page = await list(last, limit);
        found.push(...page.filter(({ id }) => !settled.has(id)));
        if (page.length < limit) break;
        last = page.at(-1)?.id ?? '';
      }
      return found.slice(0, limit);
    },

    async read(id) {
      if (settling.ids.has(id)) return undefined;
      const document = await database.run(() => receipts.findOne({ _id: id }));
      return document === null ? undefined : readReceipt(document);
    },

    settle(id) {
      backlog.remove(id);
      settling.add(id);
    },

    backlog: backlog.figures,

    async heldSubscriptions() {
      const ids = await database.run(() => held.distinct('subscriptionId'));
      return z.array(z.string()).parse(ids);
    },

    async heldOf(subscriptionId) {
      const found = held.find({ subscriptionId }, { sort: { receiptId: 1, place: 1 } });
      return (await database.run(() => found.toArray())).map(readHeldItem);
    },

    async heldUsage() {
      const found = held.find({}, { projection: { subscriptionId: 1, receivedAt: 1, bytes: 1 } });
      return (await database.run(() => found.toArray())).map(readHeldUsage);
    },

    async purgeHeld(before) {
      const old = { receivedAt: { $lt: before } };
      return (await database.run(() => held.deleteMany(old))).deletedCount;
    },
  };

  return {
    inbox,

    async close() {
      await stopRelisting();
      await commits.drained();
      await settling.close();
    },
  };
}

async function indexInbox({ db, run }: MongoDatabase): Promise<void> {
  // Lists are answered from the index alone, without reading bodies.
  await run(() => db.collection(RECEIPTS).createIndex({ _id: 1, receivedAt: 1 }));
  await run(() =>
    db
      .collection(HELD)
      .createIndexes([
        { key: { subscriptionId: 1, receiptId: 1, place: 1 } },
        { key: { receivedAt: 1 } },
      ]),
  );
}
