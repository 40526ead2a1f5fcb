import { StoreUnavailableError } from '../../domain/errors.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { HealthProbe } from '../../ports/health-probe.ts';
import type { Inbox } from '../../ports/inbox.ts';
import type { Log } from '../../ports/log.ts';
import type { ReplayRepository } from '../../ports/replay-repository.ts';
import type { SealedValues } from '../../ports/sealed-values.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import { createMongoAuditTrail, indexAudit } from './audit-trail.ts';
import { openMongo, type MongoDatabase, type MongoOptions } from './database.ts';
import { indexDeliveries } from './delivery-indexes.ts';
import { createMongoDeliveryStore } from './delivery-store.ts';
import { isBeingMoved } from './copy-record.ts';
import { openMongoInbox } from './inbox.ts';
import { MongoOpenError } from './open-error.ts';
import { createMongoProbe } from './probe.ts';
import { createMongoReplayRepository, indexReplays } from './replay-repository.ts';
import { recordSchema } from './schema.ts';
import { createMongoSealedValues } from './sealed-values.ts';
import { createMongoSinkRepository, indexSinks } from './sink-repository.ts';
import {
  createMongoSubscriptionRepository,
  indexSubscriptions,
} from './subscription-repository.ts';

export interface MongoStore {
  readonly deliveries: DeliveryStore;
  readonly subscriptions: SubscriptionRepository;
  readonly sinks: SinkRepository;
  readonly replays: ReplayRepository;
  readonly audit: AuditTrail;
  readonly sealed: SealedValues;
  readonly inbox: Inbox;
  readonly probe: HealthProbe;
  /** Connections that are in use, and those that are open and idle. */
  connections(): { readonly active: number; readonly idle: number };
  /** Writes what waits, then closes the connections. */
  close(): Promise<void>;
}

/**
 * Opens everything that is kept in MongoDB, and makes its indexes; any number of instances may do so
 * at once. Rejects with a sentence that names the servers, or says which version to start, and while
 * something is being moved into it.
 */
export async function openMongoStore(options: MongoOptions & { log: Log }): Promise<MongoStore> {
  const database = await openMongo(options);
  try {
    return await openIn(database, options);
  } catch (error) {
    await database.close();
    throw error instanceof StoreUnavailableError
      ? new MongoOpenError(database.servers, error.cause)
      : error;
  }
}

async function openIn(
  database: MongoDatabase,
  { clock, log }: Pick<MongoOptions, 'clock'> & { log: Log },
): Promise<MongoStore> {
  await requireMoved(database);
  await recordSchema(database); // before anything that a refused program must not touch
  await Promise.all(
    [indexDeliveries, indexSubscriptions, indexSinks, indexReplays, indexAudit].map((make) =>
      make(database),
    ),
  );
  const { inbox, close: closeInbox } = await openMongoInbox({ database, clock, log });
  const audit = createMongoAuditTrail({ database, clock, log });

  return {
    deliveries: createMongoDeliveryStore({ database }),
    subscriptions: createMongoSubscriptionRepository({ database }),
    sinks: createMongoSinkRepository({ database }),
    replays: createMongoReplayRepository({ database }),
    audit,
    sealed: createMongoSealedValues(database),
    inbox,
    probe: createMongoProbe(database, clock),
    connections: () => database.connections(),

    async close() {
      await closeInbox();
      await audit.flush();
      await database.close();
    },
  };
}

/** What a service changes in a store that is half there could never be compared with its source. */
async function requireMoved(database: MongoDatabase): Promise<void> {
  if (!(await isBeingMoved(database))) return;
  throw new Error(
    `What is being moved into the database ${database.db.databaseName} is not all there: run ` +
      '"sallyport migrate" again until it ends with exit code 0, or drop this database',
  );
}
