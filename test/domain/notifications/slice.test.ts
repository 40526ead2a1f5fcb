import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  sliceArray,
  sliceObject,
  withoutMembers,
} from '../../../src/domain/notifications/slice.ts';
import { jsonObject, jsonValue, space } from '../../support/json-text.ts';
import type { ObjectText } from '../../support/json-text.ts';

const NAMES = ['clientState', 'encryptedContent', 'a', '', '__proto__', '\ud800'];
const anObject = jsonObject(fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary' })));
const someNames = fc.subarray(NAMES).map((names) => new Set(names));

const memberTexts = (text: string) =>
  sliceObject(text, 0).members.map(({ start, end }) => text.slice(start, end));

describe('slicing a JSON text', () => {
  it('finds each member where it stands, by its decoded name', () => {
    fc.assert(
      fc.property(anObject, space, space, (object, before, after) => {
        const text = `${before}${object.text}${after}`;
        const slice = sliceObject(text, 0);
        expect(text.slice(slice.start, slice.end)).toBe(object.text);
        expect(slice.members.map(({ name }) => name)).toEqual(object.members.map((m) => m.name));
        expect(memberTexts(text)).toEqual(object.members.map((m) => m.text));
        const values = slice.members.map((m) => text.slice(m.valueStart, m.end));
        expect(values).toEqual(object.members.map((m) => m.value));
      }),
      { numRuns: 500 },
    );
  });

  it('tells whether a name is there twice, however it is spelt', () => {
    fc.assert(
      fc.property(anObject, ({ text, members }) => {
        const distinct = new Set(members.map(({ name }) => name));
        expect(sliceObject(text, 0).repeatsKey).toBe(distinct.size < members.length);
      }),
      { numRuns: 300 },
    );
    expect(sliceObject(String.raw`{"a":1,"\u0061":2}`, 0).repeatsKey).toBe(true);
    expect(sliceObject('{"a":{"b":1},"b":{"a":1,"a":2}}', 0).repeatsKey).toBe(false);
  });

  it('finds the elements of an array, and which are objects', () => {
    const element = fc.oneof(
      anObject.map(({ text }) => ({ text, isObject: true })),
      jsonValue.filter((text) => !text.startsWith('{')).map((text) => ({ text, isObject: false })),
    );
    const elements = fc.array(fc.tuple(space, element, space), { maxLength: 6 });
    fc.assert(
      fc.property(elements, space, space, (parts, before, inside) => {
        const list = parts.map(([left, { text }, right]) => left + text + right).join(',');
        const text = `${before}[${parts.length === 0 ? inside : list}]`;
        const found = sliceArray(text, 0).elements.map((slice) =>
          slice === null ? null : text.slice(slice.start, slice.end),
        );
        expect(found).toEqual(parts.map(([, one]) => (one.isObject ? one.text : null)));
        // What is stepped over leaves the others where they stand.
        const even = sliceArray(text, 0, (index) => index % 2 === 0).elements.map((slice) =>
          slice === null ? null : text.slice(slice.start, slice.end),
        );
        expect(even).toEqual(found.map((one, index) => (index % 2 === 0 ? one : null)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('taking members out', () => {
  it.each([
    ['{"a":1}', '{}'],
    ['{ "a" : 1 }', '{  }'],
    ['{"a":1,"b":2}', '{"b":2}'],
    ['{"b":2,"a":1}', '{"b":2}'],
    ['{"b":1,"a":1,"c":3}', '{"b":1,"c":3}'],
    ['{"a":1,"a":2,"b":1,"a":3,"a":4}', '{"b":1}'],
    ['{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}', '{\n  "b": 2,\n  "c": 3\n}'],
    ['{\n  "b": 2,\n  "a": 1\n}', '{\n  "b": 2\n}'],
    [String.raw`{"\u0061":"\"}","b":"\\"}`, String.raw`{"b":"\\"}`],
    ['{"b":{"a":1},"c":[{"a":1}]}', '{"b":{"a":1},"c":[{"a":1}]}'],
    ['{"b":9007199254740993,"a":1}', '{"b":9007199254740993}'],
    ['{}', '{}'],
  ])('of %j leaves %j', (text, left) => {
    expect(withoutMembers(text, sliceObject(text, 0), new Set(['a']))).toBe(left);
  });

  it('leaves what an object without them parses to', () => {
    fc.assert(
      fc.property(anObject, someNames, ({ text }, names) => {
        const rest = withoutMembers(text, sliceObject(text, 0), names);
        expect(JSON.stringify(JSON.parse(rest))).toBe(parsedWithout(text, names));
      }),
      { numRuns: 1000 },
    );
  });

  it('leaves the other members byte for byte, in their order', () => {
    fc.assert(
      fc.property(anObject, someNames, (object: ObjectText, names) => {
        const rest = withoutMembers(object.text, sliceObject(object.text, 0), names);
        const kept = object.members.filter(({ name }) => !names.has(name));
        expect(memberTexts(rest)).toEqual(kept.map(({ text }) => text));
      }),
      { numRuns: 1000 },
    );
  });

  it('changes nothing when there is nothing to take out', () => {
    fc.assert(
      fc.property(anObject, space, space, ({ text }, before, after) => {
        const around = `${before}${text}${after}`;
        expect(withoutMembers(around, sliceObject(around, 0), new Set(['not there']))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});

/** The naive way, good for comparing: what is parsed loses repeated keys and large integers. */
function parsedWithout(text: string, names: ReadonlySet<string>): string {
  const parsed: unknown = JSON.parse(text);
  const entries = Object.entries(Object(parsed)).filter(([name]) => !names.has(name));
  return JSON.stringify(Object.fromEntries(entries));
}
