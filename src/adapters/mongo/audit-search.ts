import { ObjectId, type Collection, type Filter } from 'mongodb';
import type { RecordedAuditEntry } from '../../domain/audit/audit-entry.ts';
import type { AuditQuery, AuditTrail } from '../../ports/audit-trail.ts';
import { readAuditEntry, readAuditPlace, type AuditDocument } from './audit-documents.ts';
import type { MongoDatabase } from './database.ts';
import { behind, createWalk, latestFirst, LOOK_AT, type Look, type Place } from './page-walk.ts';

const SORT = latestFirst('timestamp');

/** Searches the entries of an organisation, looking at a bounded number of them in each query. */
export function createAuditSearch(
  database: MongoDatabase,
  entries: Collection<AuditDocument>,
): AuditTrail['search'] {
  const walk = createWalk('audit', database.clock);

  return function search(organizationId, { from = 0, before, ...fields }, page) {
    const matching = conditionsOf(fields);

    async function look(after: Place, wanted: number): Promise<Look<RecordedAuditEntry>> {
      const rest = { organizationId, ...behind('timestamp', after, from) };
      // What comes without a filter is found at once.
      const end = matching.length === 0 ? null : await endOfLook(rest);
      const bound = end === null ? [] : [downTo(end)];
      const found = await first({ $and: [rest, ...bound, ...matching] }, wanted);
      return { found, stoppedAt: found[wanted - 1]?.place ?? end };
    }

    return walk(page, before, look);
  };

  /** The last entry of a look by a filter; `null` when it comes to the end. */
  async function endOfLook(rest: Filter<AuditDocument>): Promise<Place | null> {
    const projection = { timestamp: 1, order: 1 };
    const options = { projection, sort: SORT, skip: LOOK_AT - 1, limit: 1 };
    const found = await database.run(() => entries.find(rest, options).toArray());
    return found.map(readAuditPlace)[0] ?? null;
  }

  async function first(filter: Filter<AuditDocument>, limit: number) {
    const options = { sort: SORT, limit, batchSize: limit };
    const found = await database.run(() => entries.find(filter, options).toArray());
    return found.map((entry) => ({ place: readAuditPlace(entry), item: readAuditEntry(entry) }));
  }
}

function downTo([timestamp, hex]: Place): Filter<AuditDocument> {
  const order = { $gte: ObjectId.createFromHexString(hex) };
  // `timestamp` by itself as well, for the index.
  return {
    timestamp: { $gte: timestamp },
    $or: [{ timestamp: { $gt: timestamp } }, { timestamp, order }],
  };
}

/** Of the fields that are given. */
function conditionsOf(fields: Omit<AuditQuery, 'from' | 'before'>): Filter<AuditDocument>[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => ({ [`entry.${field}`]: value }));
}
