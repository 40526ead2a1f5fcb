import { MongoBulkWriteError, type Collection, type OptionalUnlessRequiredId } from 'mongodb';
import { StoreUnavailableError } from '../../domain/errors.ts';

const DUPLICATE_KEY = 11_000;

/**
 * Inserts documents at once, each for itself; gives the places of those whose key is there already.
 * Rejects when another of them was not written: which ones were is unknown then.
 */
export async function insertUnlessThere<T extends { readonly _id: string }>(
  collection: Collection<T>,
  documents: readonly OptionalUnlessRequiredId<T>[],
): Promise<ReadonlySet<number>> {
  try {
    await collection.insertMany(documents, { ordered: false });
    return new Set();
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    return placesOfDuplicates(error);
  }
}

// The error has the code of the first one alone: behind a duplicate there may be worse.
function placesOfDuplicates(error: MongoBulkWriteError): ReadonlySet<number> {
  const refused = [error.writeErrors].flat();
  const durable = error.result.getWriteConcernError() === undefined;
  if (!durable || refused.length === 0 || !refused.every(({ code }) => code === DUPLICATE_KEY)) {
    throw new StoreUnavailableError('mongodb', error);
  }
  return new Set(refused.map(({ index }) => index));
}
