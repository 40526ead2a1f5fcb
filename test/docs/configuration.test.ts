import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { VARIABLES } from '../../src/config.ts';
import { Environment, SECRET_VARIABLES } from '../../src/environment.ts';

const project = new URL('../../', import.meta.url);
const text = readFileSync(new URL('docs/configuration.md', project), 'utf8');

interface DocumentedVariable {
  readonly name: string;
  readonly values: string;
  readonly default: string;
}

/** The rows of the tables that begin with `variable`. */
function readRows(markdown: string): DocumentedVariable[] {
  const tables = [...markdown.matchAll(/^\| variable [^\n]*\n\|[ -|]*\n((?:\|[^\n]*\n)*)/gm)];
  return tables.flatMap(([, rows = '']) =>
    rows
      .trimEnd()
      .split('\n')
      .map((row) => {
        const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
        const [, name = '', values = '', standard = ''] = cells;
        if (cells.length !== 6) throw new Error(`a row of four cells was expected: ${row}`);
        return { name: bare(name), values, default: bare(standard) };
      }),
  );
}

const bare = (cell: string) => /^`([^`]*)`$/.exec(cell)?.[1] ?? cell;

/** As the page writes it. */
function shown(value: unknown): string {
  const isNone = value === undefined || (Array.isArray(value) && value.length === 0);
  if (isNone) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const rows = readRows(text);
const defaults = new Map(Object.entries(Environment.parse({})));

describe('docs/configuration.md', () => {
  it('has each variable in one row, and no other', () => {
    expect(rows.map(({ name }) => name).toSorted()).toEqual([...VARIABLES].toSorted());
  });

  it('has the defaults that hold', () => {
    const documented = rows.map((row) => [row.name, row.default]);
    expect(documented).toEqual(rows.map(({ name }) => [name, shown(defaults.get(name))]));
    // Of each kind there is one, or the comparison has compared nothing.
    const some = new Set(documented.map(([, value]) => value));
    for (const value of ['–', 'true', 'false', '8010', './data']) expect(some).toContain(value);
  });

  it('has the ranges that hold', () => {
    const ranges = rows.flatMap(({ name, values }) => {
      const [, min, max] = /(\d+) to (\d+)/.exec(values) ?? [];
      return min === undefined || max === undefined ? [] : [{ name, min, max }];
    });
    const numbers = rows.filter(({ name }) => typeof defaults.get(name) === 'number');
    expect(ranges.map(({ name }) => name)).toEqual(numbers.map(({ name }) => name));
    for (const { name, min, max } of ranges) {
      const takes = (value: number) => isTaken(name, String(value));
      const edges = [Number(min) - 1, Number(min), Number(max), Number(max) + 1];
      expect([name, ...edges.map(takes)]).toEqual([name, false, true, true, false]);
    }
  });

  it('has the words that hold', () => {
    const choices = rows.filter(({ values }) => /^`[a-z]+`(?:, `[a-z]+`)+$/.test(values));
    expect(choices.length).toBeGreaterThan(10);
    for (const { name, values } of choices) {
      for (const [, word = ''] of values.matchAll(/`([a-z]+)`/g)) {
        expect([name, word, isTaken(name, word)]).toEqual([name, word, true]);
      }
      expect([name, isTaken(name, 'nonsense')]).toEqual([name, false]);
    }
  });

  it('names all that may stand in files', () => {
    const [, section = ''] = /^### Secrets from files\n([^#]*)/m.exec(text) ?? [];
    const [secrets = ''] = /^## Secrets\n[^]*?^### /m.exec(text) ?? [];
    const named = (section + secrets).match(/`[A-Z][A-Z_]+`/g) ?? [];
    for (const name of SECRET_VARIABLES) expect(named).toContain(`\`${name}\``);
  });

  it('names tests that are there', () => {
    const tests = text.match(/test\/[\w/-]+\.test\.ts/g) ?? [];
    expect(tests.length).toBeGreaterThan(3);
    for (const path of tests)
      expect([path, existsSync(new URL(path, project))]).toEqual([path, true]);
  });

  it('is read as it is meant to be, so that what is wrong is seen', () => {
    const broken = text.replace('| `PORT` ', '| `PORTS` ').replace('| `8010`', '| `8011`');
    const row = readRows(broken).find(({ name }) => name === 'PORTS');
    expect(row).toEqual({ name: 'PORTS', values: '0 to 65535', default: '8011' });
  });
});

function isTaken(name: string, value: string): boolean {
  return Environment.safeParse({ [name]: value }).success;
}
