import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { repeatsName } from '../../src/adapters/http/repeats-name.ts';
import { jsonObject, space } from '../support/json-text.ts';

// Not what is refused anyway. And none that begins with a backslash: once V8 13.6 has seen one after a
// name, its JSON.parse takes the backslash of a later escape there for that name, and is no measure.
const aName = fc.oneof(
  fc.constantFrom('a', 'b', '', '\ud800'),
  fc.string().filter((name) => name !== '__proto__' && !name.startsWith('\\')),
);
const anObject = jsonObject(aName);

describe('a name that is there twice', () => {
  it('is found where parsing leaves fewer members than were written', () => {
    const found = { repeated: 0, distinct: 0 };
    fc.assert(
      fc.property(anObject, space, space, ({ text }, before, after) => {
        const repeats = membersIn(text) > membersOf(JSON.parse(text));
        found[repeats ? 'repeated' : 'distinct'] += 1;
        expect(repeatsName(`${before}[${text}]${after}`)).toBe(repeats);
      }),
      { numRuns: 500 },
    );
    expect(Math.min(found.repeated, found.distinct)).toBeGreaterThan(20);
  });

  it.each([
    ['spelt in two ways', String.raw`{"a":1,"\u0061":2}`, true],
    ['far below', '{"a":[[{"b":{"c":1,"d":{},"c":2}}]]}', true],
    ['after an object of its own', '{"a":{"b":1},"c":1,"a":2}', true],
    ['with room before its colon', '{"a" \r\n\t:1,"a":2}', true],
    ['of every object', String.raw`{"\u005f_proto__":1}`, true],
    ['in one object each', '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', false],
    ['and a value', '{"a":"a","b":["a","a"]}', false],
    ['in a text only', String.raw`{"a":"{\"b\":1,\"b\":2}","c":"\\\\"}`, false],
  ])('%s', (_what, text, repeats) => {
    JSON.parse(text);
    expect(repeatsName(text)).toBe(repeats);
  });
});

/** One colon each, outside of strings. */
function membersIn(text: string): number {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '').split(':').length - 1;
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const below = Object.values(value).reduce<number>((sum, one) => sum + membersOf(one), 0);
  return below + (Array.isArray(value) ? 0 : Object.keys(value).length);
}
