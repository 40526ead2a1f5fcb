import type { LifecycleChoice, SinkFilter } from './sink.ts';

/** What filters look at. */
export interface FilterCandidate {
  readonly tenantId: string;
  readonly subscriptionId: string;
  readonly resource: string | null;
  readonly changeType: string | null;
  /** Has neither a resource nor a changeType: filters on those do not apply to it. */
  readonly lifecycle: boolean;
}

/** What a filter asks for, letter case gone. */
export interface Wanted {
  readonly tenantId: readonly string[] | undefined;
  readonly subscriptionId: readonly string[] | undefined;
  readonly changeType: readonly string[] | undefined;
  readonly paths: readonly (readonly string[])[] | undefined;
  readonly lifecycle: LifecycleChoice;
}

/** A candidate, letter case gone. */
export interface Offer {
  readonly tenantId: string;
  readonly subscriptionId: string;
  readonly changeType: string;
  readonly path: readonly string[];
  readonly lifecycle: boolean;
}

/**
 * Whether a sink with this filter gets the candidate. AND over the fields, any-of within one; a
 * list that is empty matches nothing. Letter case does not count.
 */
export function satisfies(wanted: Wanted, offer: Offer): boolean {
  if (!isAmong(wanted.tenantId, offer.tenantId)) return false;
  if (!isAmong(wanted.subscriptionId, offer.subscriptionId)) return false;
  if (offer.lifecycle) return wanted.lifecycle !== 'none';
  return (
    wanted.lifecycle !== 'only' &&
    isAmong(wanted.changeType, offer.changeType) &&
    isUnder(wanted.paths, offer.path)
  );
}

/** Makes a candidate ready to be compared. */
export function offerOf(candidate: FilterCandidate): Offer {
  return {
    tenantId: candidate.tenantId.toLowerCase(),
    subscriptionId: candidate.subscriptionId.toLowerCase(),
    changeType: (candidate.changeType ?? '').toLowerCase(),
    path: segmentsOf(candidate.resource ?? ''),
    lifecycle: candidate.lifecycle,
  };
}

// Only a memory of what follows from the filter, for as long as that is in use.
const wantedByFilter = new WeakMap<SinkFilter, Wanted>();

/** Makes a filter ready to be compared; the same one once. */
export function wantedBy(filter: SinkFilter): Wanted {
  const known = wantedByFilter.get(filter);
  if (known !== undefined) return known;
  const wanted = {
    tenantId: filter.tenantId?.map(toLower),
    subscriptionId: filter.subscriptionId?.map(toLower),
    changeType: filter.changeType?.map(toLower),
    paths: filter.resource?.map(segmentsOf),
    lifecycle: filter.lifecycle ?? 'none',
  };
  wantedByFilter.set(filter, wanted);
  return wanted;
}

function isAmong(wanted: readonly string[] | undefined, actual: string): boolean {
  return wanted === undefined || wanted.includes(actual);
}

function isUnder(
  prefixes: readonly (readonly string[])[] | undefined,
  path: readonly string[],
): boolean {
  if (prefixes === undefined) return true;
  return prefixes.some((prefix) => prefix.every((one, at) => one === path[at]));
}

function toLower(text: string): string {
  return text.toLowerCase();
}

function segmentsOf(path: string): readonly string[] {
  return path
    .toLowerCase()
    .split('/')
    .filter((segment) => segment !== '');
}
