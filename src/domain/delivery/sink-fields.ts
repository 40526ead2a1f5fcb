import { ValidationError } from '../errors.ts';
import type { SinkKind } from './sink.ts';

type OwnField = 'url' | 'secret' | 'headers' | 'stream' | 'collection';

/** The fields that a kind has alone; all others every kind has. */
const OWN_FIELDS: Readonly<Partial<Record<SinkKind, readonly OwnField[]>>> = {
  webhook: ['url', 'secret', 'headers'],
  'redis-stream': ['stream'],
  'mongo-collection': ['collection'],
};

/** The one that says where a sink leads: a new one cannot do without. */
const DESTINATION: Readonly<Partial<Record<SinkKind, OwnField>>> = {
  webhook: 'url',
  'redis-stream': 'stream',
  'mongo-collection': 'collection',
};

/** Fields that one kind has alone; what is `undefined` is not given. */
export type OwnFields = Readonly<Partial<Record<OwnField, unknown>>>;

/** Throws `ValidationError` when a field is given that another kind has. */
export function refuseFieldsOfOthers(kind: SinkKind, fields: OwnFields): void {
  const details = Object.entries(OWN_FIELDS)
    .filter(([owner]) => owner !== kind)
    .flatMap(([owner, paths]) =>
      paths
        .filter((path) => fields[path] !== undefined)
        .map((path) => ({ path, message: `Only a ${owner} has this` })),
    );
  if (details.length > 0) throw new ValidationError(details);
}

/** Throws `ValidationError` when a new sink does not say where it leads. */
export function requireDestination(kind: SinkKind, fields: OwnFields): void {
  const path = DESTINATION[kind];
  if (path !== undefined && fields[path] === undefined) {
    throw new ValidationError([{ path, message: `A ${kind} needs one` }]);
  }
}

/**
 * Checks the name of a stream or a collection and gives it; throws `ValidationError`. It becomes the
 * end of a longer name, and can reach nothing outside of that.
 */
export function checkedStoreName(path: 'stream' | 'collection', name: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return name;
  const message = 'must be 1 to 64 of A to Z, a to z, 0 to 9, _ and -';
  throw new ValidationError([{ path, message }]);
}
