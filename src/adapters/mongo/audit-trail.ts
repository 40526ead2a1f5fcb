import { z } from 'zod';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { createAuditBuffer } from '../stores/audit-buffer.ts';
import { toAuditDocument, type AuditDocument } from './audit-documents.ts';
import { createAuditSearch } from './audit-search.ts';
import type { MongoDatabase } from './database.ts';
import { insertMissing } from './insert-missing.ts';

export interface MongoAuditTrail extends AuditTrail {
  /** Resolves when nothing waits any more. */
  flush(): Promise<void>;
}

const COLLECTION = 'audit';

const Ids = z.array(z.object({ _id: z.string() }).transform(({ _id }) => _id));

/** Audit entries in MongoDB, in `audit`. */
export function createMongoAuditTrail({
  database,
  clock,
  log,
}: {
  database: MongoDatabase;
  clock: Clock;
  log: Log;
}): MongoAuditTrail {
  const entries = database.db.collection<AuditDocument>(COLLECTION);
  const buffer = createAuditBuffer<AuditDocument>({
    // An entry that is appended again after an answer that did not come is there already.
    append: (documents) => insertMissing(database, COLLECTION, documents),
    clock,
    log,
  });

  return {
    record: (entry) => buffer.add(toAuditDocument(entry, clock.now())),

    search: createAuditSearch(database, entries),

    async purge(before, limit) {
      const old = entries.find(
        { timestamp: { $lt: before } },
        { projection: { _id: 1 }, sort: { timestamp: 1 }, limit, batchSize: limit },
      );
      const ids = Ids.parse(await database.run(() => old.toArray()));
      // Another instance may purge the same ones: each counts where it was removed.
      return (await database.run(() => entries.deleteMany({ _id: { $in: ids } }))).deletedCount;
    },

    flush: buffer.flush,
  };
}

/** Makes the indexes of `audit`. */
export async function indexAudit({ db, run }: MongoDatabase): Promise<void> {
  await run(() =>
    db
      .collection(COLLECTION)
      .createIndexes([
        { key: { organizationId: 1, timestamp: -1, order: -1 } },
        { key: { timestamp: 1 } },
      ]),
  );
}
