import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  type FilterCandidate,
  offerOf,
  satisfies,
  wantedBy,
} from '../../../src/domain/delivery/filter.ts';
import type { SinkFilter } from '../../../src/domain/delivery/sink.ts';

const CHANGE: FilterCandidate = {
  tenantId: 't1',
  subscriptionId: 's1',
  resource: "Users/A/mailFolders('Inbox')/Messages/1",
  changeType: 'created',
  lifecycle: false,
};
const LIFECYCLE = { ...CHANGE, resource: null, changeType: null, lifecycle: true };

function matches(filter: SinkFilter, candidate: FilterCandidate): boolean {
  return satisfies(wantedBy(filter), offerOf(candidate));
}

describe('which notifications a sink gets', () => {
  it('gets all but lifecycle notifications when nothing is asked', () => {
    expect(matches({}, CHANGE)).toBe(true);
    expect(matches({}, LIFECYCLE)).toBe(false);
  });

  it.each([
    ['users/a', true],
    ['/USERS/a/', true],
    ["users/a/mailfolders('inbox')", true],
    ["Users/A/mailFolders('Inbox')/Messages/1", true],
    ['', true],
    ['/', true],
    ['user', false],
    ['users/', true],
    ['users/ab', false],
    ['users/a/mailfolders', false],
    ['a', false],
    ["Users/A/mailFolders('Inbox')/Messages/1/2", false],
  ])('takes %j as a prefix of the resource by segments: %s', (prefix, expected) => {
    expect(matches({ resource: [prefix] }, CHANGE)).toBe(expected);
    expect(matches({ resource: ['groups', prefix] }, CHANGE)).toBe(expected);
  });

  it('asks lifecycle notifications for ids only', () => {
    const filter = { resource: ['groups'], changeType: ['deleted'] };
    expect(matches({ ...filter, lifecycle: 'also' }, LIFECYCLE)).toBe(true);
    expect(matches({ ...filter, lifecycle: 'only', tenantId: ['T1'] }, LIFECYCLE)).toBe(true);
    expect(matches({ lifecycle: 'also', tenantId: ['t2'] }, LIFECYCLE)).toBe(false);
    expect(matches({ lifecycle: 'only' }, CHANGE)).toBe(false);
    expect(matches({ lifecycle: 'also' }, CHANGE)).toBe(true);
  });

  it('agrees with the rule written out', () => {
    fc.assert(
      fc.property(filters, candidates, (filter, candidate) => {
        expect(matches(filter, candidate)).toBe(oracle(filter, candidate));
      }),
      { numRuns: 2000 },
    );
  });
});

const ids = fc.constantFrom('a', 'B', 'b');
const changeTypes = fc.constantFrom('created', 'Updated', 'updated');
const paths = fc
  .array(fc.constantFrom('users', 'Users', 'a', 'A', 'ab', 'm-x'), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((segments) => fc.constantFrom(segments.join('/'), `/${segments.join('/')}`));
const listOf = (values: fc.Arbitrary<string>) =>
  fc.option(fc.array(values, { maxLength: 3 }), { nil: undefined });

const filters: fc.Arbitrary<SinkFilter> = fc.record({
  tenantId: listOf(ids),
  subscriptionId: listOf(ids),
  resource: listOf(paths),
  changeType: listOf(changeTypes),
  lifecycle: fc.constantFrom(undefined, 'none', 'also', 'only'),
});
const change = fc.record({
  tenantId: ids,
  subscriptionId: ids,
  resource: paths,
  changeType: changeTypes,
  lifecycle: fc.constant(false),
});
const candidates: fc.Arbitrary<FilterCandidate> = fc.oneof(
  change,
  change.map((one) => ({ ...one, resource: null, changeType: null, lifecycle: true })),
);

/** The rule by regular expressions, good for the characters that are made above. */
function oracle(filter: SinkFilter, candidate: FilterCandidate): boolean {
  const asked = [
    anyOf(filter.tenantId, candidate.tenantId),
    anyOf(filter.subscriptionId, candidate.subscriptionId),
  ];
  if (candidate.lifecycle) {
    asked.push(filter.lifecycle === 'also' || filter.lifecycle === 'only');
  } else {
    const under = filter.resource?.map((path) => `/?${path.replace(/^\//, '')}(/.*)?`);
    asked.push(filter.lifecycle !== 'only', anyOf(filter.changeType, candidate.changeType));
    asked.push(anyOf(under, candidate.resource));
  }
  return asked.every(Boolean);
}

function anyOf(patterns: readonly string[] | undefined, value: string | null): boolean {
  const isLike = (pattern: string) => new RegExp(`^${pattern}$`, 'i').test(value ?? '');
  return patterns === undefined || patterns.some(isLike);
}
