/**
 * Finds where things stand in a JSON text, so that they can be handed on as they were written:
 * parsing and rebuilding would round large integers and lose repeated keys.
 *
 * Everything here takes text that `JSON.parse` has accepted, and is on the way to an
 * acknowledgement: one pass, no recursion, nothing built for nested values.
 */

/** A member of an object: `[start, end)` is the name's quote to the end of the value. */
export interface MemberSlice {
  /** Decoded: `client\u0053tate` is `clientState`. */
  readonly name: string;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/** An object: `[start, end)` is brace to brace. */
export interface ObjectSlice {
  readonly start: number;
  readonly end: number;
  /** In the order of the text, repeated names included. */
  readonly members: readonly MemberSlice[];
  readonly repeatsKey: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const SPACE = 0x20;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Reads a member's value, which begins at `at`, by itself, and tells where it ends. */
export type ReadValue = (name: string, at: number) => number;

/**
 * The object that begins at `at`, white space before it aside. `readValue` is asked where each
 * value ends, so that what is looked into is not walked twice.
 */
export function sliceObject(
  text: string,
  at: number,
  readValue: ReadValue = (_name, valueStart) => endOfValue(text, valueStart),
): ObjectSlice {
  const start = skipSpace(text, at);
  const members: MemberSlice[] = [];
  let here = skipSpace(text, start + 1);
  while (text.charCodeAt(here) === QUOTE) {
    const nameEnd = skipString(text, here);
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1); // past the colon
    const name = decodeName(text, here, nameEnd);
    const member = { name, start: here, valueStart, end: readValue(name, valueStart) };
    members.push(member);
    here = skipSpace(text, member.end);
    if (text.charCodeAt(here) === COMMA) here = skipSpace(text, here + 1);
  }
  return { start, end: here + 1, members, repeatsKey: hasRepeatedName(members) };
}

/** An array: its elements in order, `null` for one that is no object, and where it ends. */
export interface ArraySlice {
  readonly elements: readonly (ObjectSlice | null)[];
  readonly end: number;
}

/**
 * The array that begins at `at`, white space before it aside. Elements that are not wanted, by their
 * index, are stepped over and given as `null`.
 */
export function sliceArray(
  text: string,
  at: number,
  isWanted: (index: number) => boolean = () => true,
): ArraySlice {
  const elements: (ObjectSlice | null)[] = [];
  let here = skipSpace(text, skipSpace(text, at) + 1);
  while (here < text.length && text.charCodeAt(here) !== CLOSE_BRACKET) {
    const isLookedInto = text.charCodeAt(here) === OPEN_BRACE && isWanted(elements.length);
    const object = isLookedInto ? sliceObject(text, here) : null;
    elements.push(object);
    here = skipSpace(text, object?.end ?? endOfValue(text, here));
    if (text.charCodeAt(here) === COMMA) here = skipSpace(text, here + 1);
  }
  return { elements, end: here + 1 };
}

/** The object's text without these members: everything else byte for byte, commas mended. */
export function withoutMembers(
  text: string,
  object: ObjectSlice,
  names: ReadonlySet<string>,
): string {
  let kept = '';
  let from = object.start;
  let previousEnd: number | undefined; // of the member before, once one has been kept
  for (const [index, member] of object.members.entries()) {
    if (names.has(member.name)) {
      // A member goes with the comma before it; the first ones go with the comma after them.
      const nextStart = object.members[index + 1]?.start ?? member.end;
      kept += text.slice(from, previousEnd ?? member.start);
      from = previousEnd === undefined ? nextStart : member.end;
    }
    if (previousEnd !== undefined || !names.has(member.name)) previousEnd = member.end;
  }
  return kept + text.slice(from, object.end);
}

function decodeName(text: string, start: number, end: number): string {
  const name = text.slice(start + 1, end - 1);
  return name.includes('\\') ? String(JSON.parse(text.slice(start, end))) : name;
}

// Up to so many names comparing each with each is quicker than a set; beyond, it would be a way to
// keep the service busy.
const FEW = 24;

function hasRepeatedName(members: readonly MemberSlice[]): boolean {
  if (members.length > FEW) {
    return new Set(members.map(({ name }) => name)).size < members.length;
  }
  return members.some(({ name }, index) => {
    for (let before = 0; before < index; before += 1) {
      if (members[before]?.name === name) return true;
    }
    return false;
  });
}

/** Where the value that begins at `at` ends. */
export function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return skipString(text, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(text, at);
  return skipScalar(text, at);
}

function skipNested(text: string, at: number): number {
  let depth = 0;
  let here = at;
  do {
    const code = text.charCodeAt(here);
    if (code === QUOTE) {
      here = skipString(text, here);
      continue;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    here += 1;
  } while (depth > 0 && here < text.length);
  return here;
}

/** A number, `true`, `false` or `null`. */
function skipScalar(text: string, at: number): number {
  let here = at;
  for (; here < text.length; here += 1) {
    const code = text.charCodeAt(here);
    if (code <= SPACE || code === COMMA) break;
    if (code === CLOSE_BRACE || code === CLOSE_BRACKET) break;
  }
  return here;
}

/** Jumps from quote to quote; one is escaped when the backslashes before it are odd in number. */
function skipString(text: string, at: number): number {
  for (let from = at + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return text.length;
    let run = quote;
    while (run > from && text.charCodeAt(run - 1) === BACKSLASH) run -= 1;
    if ((quote - run) % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

function skipSpace(text: string, at: number): number {
  let here = at;
  while (text.charCodeAt(here) <= SPACE) here += 1; // NaN at the end is not
  return here;
}
