import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import Table from 'cli-table3';
import { fitCells } from './fit-cells.ts';

// Control characters, separators of lines, and what turns the direction of writing.
const CONTROLS = /[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu;

/** What a column shows of a thing: one of its fields, or what is made of it. */
export type Column<T> = keyof T | ((thing: T) => unknown);
export type Columns<T> = Readonly<Record<string, Column<T>>>;

/** Where a command writes. Results go to stdout, everything else to stderr. */
export interface Output {
  /** Whether results are JSON. */
  readonly json: boolean;
  /** Whether somebody sits before it who can be asked and shown progress. */
  readonly isInteractive: boolean;
  /** A list: a table, or a JSON array. On a terminal the cells of `shortened` columns are cut to what fits. */
  list<T extends object>(
    things: readonly T[],
    columns: Columns<T>,
    options?: { readonly shortened?: readonly string[] },
  ): void;
  /** One thing: its fields below each other, or a JSON object. */
  thing<T extends object>(thing: T, columns: Columns<T>): void;
  /** One line of a list without an end: as it is, or JSON on one line. */
  entry(thing: object, line: string): void;
  /** A value as JSON; for what has been looked at already whether it is wanted. */
  value(value: unknown): void;
  line(text: string): void;
  /** For people: not part of the result. */
  note(text: string): void;
  progress(text: string): Progress;
}

/** Says what is going on where somebody watches; silent elsewhere. */
export interface Progress {
  tell(text: string): void;
  /** Takes the line away. */
  end(): void;
}

export interface Streams {
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: WriteStream;
}

const CLEAR_LINE = '\r\u001b[K';

export function createOutput(
  { stdin, stdout, stderr }: Streams,
  { json }: { json: boolean },
): Output {
  const isTerminal = stdout.isTTY === true;
  const writeLine = (text: string) => void stdout.write(`${text}\n`);
  const value = (shown: unknown) => writeLine(JSON.stringify(shown, null, 2));

  /** For people ruled, as wide as the terminal, coloured; for programs a line a row, its cells apart by tabs. */
  function rows(
    head: readonly string[],
    cells: readonly (readonly string[])[],
    shortened?: readonly string[],
  ): void {
    if (!isTerminal) {
      for (const row of [head, ...cells]) if (row.length > 0) writeLine(row.join('\t'));
      return;
    }
    const table = new Table({
      head: head.map((name) => paint('bold', name)),
      style: { head: [], border: [] }, // its own colours would not ask NO_COLOR
    });
    table.push(...fitCells(head, cells, stdout.columns, shortened).map((row) => row.map(colour)));
    writeLine(table.toString());
  }

  function tell(text: string): void {
    if (!stderr.isTTY) return;
    stderr.write(`${CLEAR_LINE}${printable(text).slice(0, stderr.columns - 1)}`);
  }

  return {
    json,
    isInteractive: stdin.isTTY === true && stderr.isTTY,
    value,

    list(things, columns, { shortened } = {}) {
      const toRow = (thing: (typeof things)[number]) =>
        Object.values(columns).map((column) => toCell(thing, column));
      if (json) value(things);
      else rows(Object.keys(columns), things.map(toRow), shortened);
    },

    thing(thing, columns) {
      const pairs = Object.entries(columns).map(([name, column]) => [name, toCell(thing, column)]);
      if (json) value(thing);
      else rows([], pairs);
    },

    entry(thing, line) {
      writeLine(json ? JSON.stringify(thing) : printable(line));
    },

    line: (text) => writeLine(printable(text)),
    note: (text) => void stderr.write(`${printable(text)}\n`),

    // No package's spinner: they end the process at SIGINT, before anything is cleaned up.
    progress(text) {
      tell(text);
      return { tell, end: () => tell('') };
    },
  };
}

/** On one line, and without what could steer a terminal: Graph's texts are anybody's. */
function printable(text: string): string {
  return text.replaceAll(CONTROLS, ' ');
}

function toCell<T extends object>(thing: T, column: Column<T>): string {
  const shown = typeof column === 'function' ? column(thing) : thing[column];
  if (shown === null || shown === undefined) return '-';
  return printable(typeof shown === 'string' ? shown : JSON.stringify(shown));
}

const COLOURS = {
  green: /^(healthy|connected|delivered|enabled|done|ok)$/,
  yellow: /^(paused|disabled|due|claimed|waiting|pending|retry|running|warn)$/,
  red: /^(degraded|error|fail|dead|lost|unhealthy|failing.*)$/,
  gray: /^skipped$/,
} as const;
const STYLES = ['green', 'yellow', 'red', 'gray'] as const;

function colour(cell: string): string {
  for (const style of STYLES) if (COLOURS[style].test(cell)) return paint(style, cell);
  return cell;
}

/** Colours only where the terminal has them and NO_COLOR is not set. */
function paint(style: 'bold' | (typeof STYLES)[number], text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
