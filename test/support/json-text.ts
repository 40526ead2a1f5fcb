import * as fc from 'fast-check';

/** An object as text, and what stands where in it. */
export interface ObjectText {
  readonly text: string;
  readonly members: readonly {
    readonly name: string;
    /** From the name's quote to the end of the value. */
    readonly text: string;
    readonly value: string;
  }[];
}

/** White space as JSON knows it. */
export const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t'), maxLength: 2 });

/** JSON text of any value, unusual spellings and repeated keys included. */
export const jsonValue: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>(
  (tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('null', 'true', 'false', '-0', '1e400', '0.10', '1E-7', '9007199254740993'),
      fc.bigInt().map(String),
      fc.string({ unit: 'binary' }).chain(spelling),
      fc.stringMatching(/^[\\"{}[\],:]{0,8}$/).chain(spelling),
      fc
        .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
        .map((parts) => `[${parts.map((part) => part.join('')).join(',')}]`),
      tie('object'),
    ),
    object: objectOf(fc.constantFrom('a', 'b', 'clientState', ']'), tie('value')).map(
      ({ text }) => text,
    ),
  }),
).value;

/** JSON text of an object whose members have such names, some of them written with escapes. */
export function jsonObject(names: fc.Arbitrary<string>): fc.Arbitrary<ObjectText> {
  return objectOf(names, jsonValue);
}

function objectOf(
  names: fc.Arbitrary<string>,
  values: fc.Arbitrary<string>,
): fc.Arbitrary<ObjectText> {
  const member = names.chain((name) =>
    fc.tuple(spelling(name), space, space, values).map(([quoted, left, right, value]) => ({
      name,
      text: `${quoted}${left}:${right}${value}`,
      value,
    })),
  );
  const members = fc.array(fc.tuple(space, member, space), { maxLength: 6 });
  return fc.tuple(members, space).map(([parts, empty]) => ({
    text: `{${parts.length === 0 ? empty : parts.map(([left, { text }, right]) => left + text + right).join(',')}}`,
    members: parts.map(([, one]) => one),
  }));
}

/** A string as JSON text: some of its characters escaped although they need not be. */
function spelling(text: string): fc.Arbitrary<string> {
  const units = Array.from({ length: text.length }, (_, at) => text.charAt(at));
  return fc
    .array(fc.nat({ max: 3 }), { minLength: units.length, maxLength: units.length })
    .map((choices) => `"${units.map((unit, at) => spellUnit(unit, choices[at] === 0)).join('')}"`);
}

function spellUnit(unit: string, asEscape: boolean): string {
  const isLone = !unit.isWellFormed(); // half of a pair, or of none: both may stand as they are
  if (!asEscape) return isLone ? unit : JSON.stringify(unit).slice(1, -1);
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
