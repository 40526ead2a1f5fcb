import { type Document, MongoBulkWriteError, type OptionalUnlessRequiredId } from 'mongodb';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { MongoDatabase } from './database.ts';

// A field that is there but undefined would be stored as null.
const OPTIONS = { ordered: false, ignoreUndefined: true };
const DUPLICATE_KEY = 11_000;

/**
 * Inserts the documents whose `_id` is not there yet; those that are there stay as they are. Gives
 * the ones that were refused, by their place in the list, while all others are durable. Rejects with
 * `StoreUnavailableError` when it is unknown of any.
 *
 * For collections without another unique index.
 */
export async function insertMissing<T extends Document>(
  database: MongoDatabase,
  collection: string,
  documents: readonly OptionalUnlessRequiredId<T>[],
): Promise<ReadonlyMap<number, StoreUnavailableError>> {
  if (documents.length === 0) return new Map();
  return database.run(async () => {
    try {
      await database.db.collection<T>(collection).insertMany(documents, OPTIONS);
      return new Map();
    } catch (error) {
      if (error instanceof MongoBulkWriteError) return refusedOf(error);
      throw error;
    }
  });
}

// The driver's own error goes no further: it quotes the documents.
function refusedOf(error: MongoBulkWriteError): Map<number, StoreUnavailableError> {
  const writeErrors = [error.writeErrors].flat();
  const concern = error.result.getWriteConcernError();
  if (concern !== undefined) throw refusal(concern.code);
  if (writeErrors.length === 0) throw refusal(error.code);
  return new Map(
    writeErrors
      .filter(({ code }) => code !== DUPLICATE_KEY)
      .map(({ code, index }) => [index, refusal(code)]),
  );
}

function refusal(code: number | string | undefined): StoreUnavailableError {
  const what = code === undefined ? 'a write was not answered' : `write refused, code ${code}`;
  return new StoreUnavailableError('mongodb', new Error(what));
}
