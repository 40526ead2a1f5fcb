import type { SinkFilter } from './sink.ts';

/** What filters look at. */
export interface FilterCandidate {
  readonly tenantId: string;
  readonly subscriptionId: string;
  readonly resource: string | null;
  readonly changeType: string | null;
  /** Has neither a resource nor a changeType: filters on those do not apply to it. */
  readonly lifecycle: boolean;
}

/**
 * Whether a sink with this filter gets the candidate. AND over the fields, any-of within one; a
 * list that is empty matches nothing. Letter case does not count.
 */
export function matches(filter: SinkFilter, candidate: FilterCandidate): boolean {
  if (!isAmong(filter.tenantId, candidate.tenantId)) return false;
  if (!isAmong(filter.subscriptionId, candidate.subscriptionId)) return false;
  const { lifecycle = 'none' } = filter;
  if (candidate.lifecycle) return lifecycle !== 'none';
  return (
    lifecycle !== 'only' &&
    isAmong(filter.changeType, candidate.changeType ?? '') &&
    isUnder(filter.resource, candidate.resource ?? '')
  );
}

function isAmong(wanted: readonly string[] | undefined, actual: string): boolean {
  if (wanted === undefined) return true;
  const lower = actual.toLowerCase();
  return wanted.some((one) => one.toLowerCase() === lower);
}

function isUnder(prefixes: readonly string[] | undefined, resource: string): boolean {
  if (prefixes === undefined) return true;
  const path = segmentsOf(resource);
  return prefixes.some((prefix) => segmentsOf(prefix).every((one, at) => one === path[at]));
}

function segmentsOf(path: string): readonly string[] {
  return path
    .toLowerCase()
    .split('/')
    .filter((segment) => segment !== '');
}
