import { MongoNetworkTimeoutError, MongoServerError, type Db } from 'mongodb';
import { renderCloudEvent, type CloudEvent } from '../../domain/delivery/cloud-event.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NotificationSink, SinkAnswer, SinkTarget } from '../../ports/notification-sink.ts';
import { boundedTry } from './bounded-try.ts';
import { failedTry, refusedTry } from './sink-answer.ts';

export type MongoCollectionTarget = Extract<SinkTarget, { kind: 'mongo-collection' }>;

export interface MongoCollectionOptions {
  /** Whoever gives it closes its client. */
  readonly db: Db;
  readonly clock: Clock;
  /** For a whole try; 15 s. */
  readonly timeoutMs?: number;
}

/** An event as it is kept. Attributes that it does not have are left out. */
interface EventDocument {
  /** Of the event, so that a repeat finds it there. */
  readonly _id: string;
  readonly type: string;
  readonly subject: string;
  /** A date, so that an index can end old events. */
  readonly time: Date;
  readonly subscriptionid?: string;
  readonly tenantid?: string;
  readonly sequence?: string;
  /**
   * The event as a webhook gets it. Text, since a document would not be what Graph wrote: parsing
   * rounds integers beyond 2^53 and loses repeated keys.
   */
  readonly event: string;
}

/**
 * Keeps each event in a collection, `sink_<organizationId>_<collection>`, once: a repeat changes
 * nothing, be it a replay. Delivered is what a majority has in its journals.
 */
export function createMongoCollectionSinks(options: MongoCollectionOptions) {
  const { db, clock, timeoutMs = 15_000 } = options;
  const writeConcern = { w: 'majority', journal: true, wtimeoutMS: timeoutMs } as const;

  return function openMongoCollection(target: MongoCollectionTarget): NotificationSink {
    // An organisation's name has no underscore, so no two meet in one collection.
    const name = `sink_${target.organizationId}_${target.collection}`;
    const events = db.collection<EventDocument>(name, { writeConcern });

    return {
      deliver(event, { signal }) {
        const { _id, ...document } = toDocument(event);
        const insert = () =>
          events.updateOne({ _id }, { $setOnInsert: document }, { upsert: true });
        return boundedTry(insert, judge, { clock, timeoutMs, signal });
      },
    };
  };
}

function toDocument(event: CloudEvent): EventDocument {
  const { id, type, subject, time, subscriptionid, tenantid, sequence } = event;
  return {
    _id: id,
    type,
    subject,
    time: new Date(time),
    ...(subscriptionid !== undefined && { subscriptionid }),
    ...(tenantid !== undefined && { tenantid }),
    ...(sequence !== undefined && { sequence }),
    event: renderCloudEvent(event),
  };
}

/** What the driver failed with: an answer of MongoDB, or none. */
function judge(error: unknown): SinkAnswer {
  // An index, a validator or a right of the owner's: all can be mended, so nothing is dead.
  if (error instanceof MongoServerError) {
    return refusedTry('retry', `mongo-${error.code ?? 'error'}`, error.message);
  }
  return failedTry(error instanceof MongoNetworkTimeoutError ? 'timeout' : 'connection');
}
