// A rule on either side of each cell, and a space within each.
const RULES = { perTable: 1, perCell: 3 } as const;
// Narrower, text cannot be read: then the terminal breaks the table's lines.
const MIN_WIDTH = 12;
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])$/u;

/**
 * Breaks the cells of columns that hold text, so that a table of them is not wider than the terminal.
 * Cells of columns that `shortened` names stay on one line and lose their middle. Other columns stay as they
 * are: an id on two lines could not be copied. `columns` is the width of the terminal; 0 and `undefined` when
 * it does not say.
 */
export function fitCells(
  head: readonly string[],
  cells: readonly (readonly string[])[],
  columns: number | undefined,
  shortened: readonly string[] = [],
): readonly (readonly string[])[] {
  const count = cells[0]?.length ?? 0;
  if (!columns || count === 0) return cells;
  const places = Array.from({ length: count }, (_, at) => cells.map((row) => row[at] ?? ''));
  const wanted = places.map((column, at) =>
    Math.max(widthOf(head[at] ?? ''), ...column.map(widthOf)),
  );
  const available = columns - RULES.perTable - RULES.perCell * count;
  const isShortened = places.map((_, at) => shortened.includes(head[at] ?? ''));
  const isFlexible = places.map(
    (column, at) => isShortened[at] === true || column.some((cell) => cell.includes(' ')),
  );
  const widths = shareWidth(wanted, isFlexible, available);
  const fit = (cell: string, at: number) =>
    (isShortened[at] ? shorten : wrap)(cell, widths[at] ?? columns);
  return cells.map((row) => row.map(fit));
}

/** Narrow columns get what they want; those with more to show share what is left evenly. */
function shareWidth(
  wanted: readonly number[],
  isFlexible: readonly boolean[],
  available: number,
): readonly number[] {
  const widths = [...wanted];
  const flexible = [...wanted.entries()].filter(([at]) => isFlexible[at]);
  let left = available - wanted.reduce((sum, width, at) => (isFlexible[at] ? sum : sum + width), 0);
  let open = flexible.length;
  for (const [at, width] of flexible.toSorted(([, one], [, other]) => one - other)) {
    const share = Math.max(MIN_WIDTH, Math.floor(left / open));
    widths[at] = Math.min(width, share);
    left -= Math.min(width, share);
    open -= 1;
  }
  return widths;
}

/** In lines of at most `width`: broken between words, and in one only where it is longer than a line. */
export function wrap(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const lines: string[] = [];
  for (const word of text.split(' ').flatMap((one) => cut(one, width))) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    if (lines.length > 0 && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** On one line of at most `width`. The middle goes: the ends of a path tell it from others. */
export function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const [head = ''] = cut(text, Math.ceil((width - 1) / 2));
  const [tail = ''] = cut(reverse(text), width - 1 - widthOf(head));
  return `${head}…${reverse(tail)}`;
}

function reverse(text: string): string {
  return Array.from(text).toReversed().join('');
}

function cut(word: string, width: number): readonly string[] {
  const pieces = [''];
  for (const character of word) {
    const longer = `${pieces.at(-1)}${character}`;
    if (widthOf(longer) <= width) pieces[pieces.length - 1] = longer;
    else pieces.push(character);
  }
  return pieces;
}

/** How many cells of a terminal it takes. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue; // stands on the one before
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}
