import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { dedupeKey } from '../../../src/domain/notifications/dedupe.ts';
import { readCollection, readItem } from '../../../src/domain/notifications/read-collection.ts';

// Few and awkward values, so that two inputs often agree in a field, or would if joined carelessly.
const text: fc.Arbitrary<string> = fc.constantFrom(
  'a',
  'b',
  'a,b',
  '","',
  '"',
  '\\',
  'id',
  'version',
  'text',
  '\ud800',
  '\udfff',
  'a\0',
);
const textOrNull = fc.option(text);
const input = fc.record({
  facts: fc.record({
    id: textOrNull,
    changeType: textOrNull,
    resource: textOrNull,
    etag: textOrNull,
    lifecycleEvent: textOrNull,
    odataType: textOrNull,
    tenantId: text,
    encrypted: fc.boolean(),
  }),
  from: fc.record({ subscriptionId: text, receiptId: text, text }),
});
type Input = typeof input extends fc.Arbitrary<infer T> ? T : never;

/** What the key must tell apart, as a list to compare field by field. */
function meaning({ facts, from }: Input): unknown[] {
  const { id, changeType, resource, etag, lifecycleEvent } = facts;
  if (id !== null) return [from.subscriptionId, 'id', id];
  const isChange = lifecycleEvent === null && changeType !== null && resource !== null;
  if (isChange && etag !== null) return [from.subscriptionId, 'etag', changeType, resource, etag];
  return [from.subscriptionId, 'receipt', from.receiptId, from.text];
}

const isSame = (a: unknown[], b: unknown[]) =>
  a.length === b.length && a.every((one, at) => one === b[at]);
const keyOf = ({ facts, from }: Input) => dedupeKey(facts, from);

const FIELDS = ['id', 'changeType', 'resource', 'etag', 'lifecycleEvent', 'from'] as const;
type Field = (typeof FIELDS)[number];

function withFieldsOf(a: Input, other: Input, fields: readonly Field[]): Input {
  const taken = Object.entries(other.facts).filter(([name]) => fields.some((one) => one === name));
  return {
    facts: { ...a.facts, ...Object.fromEntries(taken) },
    from: fields.includes('from') ? other.from : a.from,
  };
}

const NO_FACTS: Input['facts'] = {
  id: null,
  changeType: null,
  resource: null,
  etag: null,
  lifecycleEvent: null,
  odataType: null,
  tenantId: 't',
  encrypted: false,
};

describe('the dedupe key', () => {
  it('is the same for two items exactly when they mean the same', () => {
    fc.assert(
      fc.property(input, input, fc.subarray([...FIELDS]), (a, other, fromOther) => {
        // Mostly the same item, so that each field alone is seen to make the difference.
        const b = fromOther.length > 2 ? other : withFieldsOf(a, other, fromOther);
        expect(keyOf(a) === keyOf(b)).toBe(isSame(meaning(a), meaning(b)));
      }),
      { numRuns: 5000 },
    );
  });

  it('never takes a lifecycle notification for the change that it resembles', () => {
    const facts = { ...NO_FACTS, changeType: 'updated', resource: 'r', etag: 'e' };
    const from = { subscriptionId: 's', receiptId: 'r', text: 't' };
    expect(dedupeKey(facts, from)).not.toBe(
      dedupeKey({ ...facts, lifecycleEvent: 'missed' }, from),
    );
  });

  it('is the same for an item that differs only in what does not count', () => {
    fc.assert(
      fc.property(input, text, fc.boolean(), (a, odataType, encrypted) => {
        const b = { ...a, facts: { ...a.facts, odataType, encrypted } };
        expect(keyOf(b)).toBe(keyOf(a));
      }),
      { numRuns: 200 },
    );
  });

  it('loses nothing as UTF-8, so that different keys have different digests', () => {
    fc.assert(
      fc.property(input, (a) => {
        expect(keyOf(a).isWellFormed()).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('finds the one repeat in the samples, and no other', () => {
    const folder = new URL('../../fixtures/graph/', import.meta.url);
    const seen = new Map<string, string>();
    const repeats: string[][] = [];
    for (const file of readdirSync(folder).filter((name) => /^\d\d-.*\.json$/.test(name))) {
      for (const item of readCollection(readFileSync(new URL(file, folder), 'utf8')).items) {
        const key = dedupeKey(readItem(item.text), { ...item, receiptId: file });
        const here = `${file.slice(0, 2)}/${item.place}`;
        const before = seen.get(key);
        if (before !== undefined) repeats.push([before, here]);
        seen.set(key, here);
      }
    }
    expect(repeats).toEqual([['04/2', '04/3']]);
  });
});
