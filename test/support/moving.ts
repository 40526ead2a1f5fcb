import { openMongo } from '../../src/adapters/mongo/database.ts';
import {
  runMigration,
  type MigrationSource,
  type MovedDatabase,
} from '../../src/compose/migration.ts';
import { Secret } from '../../src/domain/secret.ts';
import { mongoOptions, withDatabase } from './mongo.ts';

// Hundreds of operations at once wait for their connections.
export const movedOptions = (url: string) =>
  mongoOptions(url, { timeoutMs: 20_000, waitQueueTimeoutMs: 20_000 });
export const database = (url: string): MovedDatabase => ({ url: new Secret(url), env: {} });
export const watched = { progress: () => undefined, signal: new AbortController().signal };
export const move = (from: MigrationSource, to: string) =>
  runMigration(from, database(to), watched);

type Db = Awaited<ReturnType<typeof openMongo>>['db'];

/** Works on the database itself. */
export async function inDatabase<T>(url: string, work: (db: Db) => Promise<T>): Promise<T> {
  const { db, close } = await openMongo(movedOptions(url));
  try {
    return await work(db);
  } finally {
    await close();
  }
}

/** Every document, as text. */
export const dump = (url: string) =>
  inDatabase(url, async (db) => {
    const collections = (await db.listCollections().toArray()).map(({ name }) => name).toSorted();
    const texts: string[] = [];
    for (const name of collections) {
      const found = await db
        .collection(name)
        .find({}, { sort: { _id: 1 } })
        .toArray();
      texts.push(...found.map((document) => `${name} ${JSON.stringify(document)}`));
    }
    return texts;
  });

/** Databases of the test's own on one server, and how to be rid of them. */
export function databasesOn(server: string) {
  const urls: string[] = [];
  return {
    fresh() {
      const url = withDatabase(server);
      urls.push(url);
      return url;
    },
    async drop() {
      for (const url of urls) await inDatabase(url, (db) => db.dropDatabase());
    },
  };
}
