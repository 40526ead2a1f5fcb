import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const project = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(project, path), 'utf8');

const LIST = 'docs/security-asvs.md';
const PAGES = ['docs/security.md', LIST, 'SECURITY.md'];
const LEVELS = Object.entries<string>(JSON.parse(read('test/fixtures/asvs-ids.json')));
const STATE =
  /^(?:met|partly|missing|not applicable|not yet: no [a-z]+|deployment: the (?:proxy|operator))$/;

interface Requirement {
  readonly id: string;
  readonly level: string;
  readonly state: string;
  readonly evidence: string;
}

/** The rows of the list. */
function readRequirements(markdown: string): Requirement[] {
  return [...markdown.matchAll(/^\| (V\d[^\n]*) \|$/gm)].map(([, row = '']) => {
    const cells = row.split(/ \| */).map((cell) => cell.trim());
    const [id = '', level = '', , state = '', evidence = ''] = cells;
    if (cells.length !== 5) throw new Error(`a row of five cells was expected: ${row}`);
    return { id, level, state, evidence };
  });
}

/** Tests by their files, each with the titles that are quoted of it. */
function readTests(markdown: string): { path: string; titles: string[] }[] {
  const found = markdown.matchAll(/`(test\/[\w./-]+\.ts)`((?:,? "[^"]+")*)/g);
  return [...found].map(([, path = '', quoted = '']) => ({
    path,
    titles: [...quoted.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
  }));
}

function isTitleOf(source: string, title: string): boolean {
  return ["'", '`', '"'].some((quote) => source.includes(`${quote}${title}${quote},`));
}

/** What a heading is called in links to it, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');
}

const requirements = readRequirements(read(LIST));

describe('docs/security-asvs.md', () => {
  it('has each requirement in one row with its level, and no other', () => {
    expect(requirements.map(({ id, level }) => [id, level])).toEqual(LEVELS);
  });

  it('has a state for each, and evidence where there has to be some', () => {
    for (const { id, state, evidence } of requirements) {
      expect([id, state]).toEqual([id, expect.stringMatching(STATE)]);
      const isBare = evidence === '';
      expect([id, isBare && /^(?:met|partly|missing|not applicable)$/.test(state)]).toEqual([
        id,
        false,
      ]);
    }
  });

  it('is read as it is meant to be, so that what is wrong is seen', () => {
    const [row] = readRequirements('| V1.1.1 | L2   | decode | `done` | `test/a.ts` "b" |\n');
    expect(row).toEqual({
      id: 'V1.1.1',
      level: 'L2',
      state: '`done`',
      evidence: '`test/a.ts` "b"',
    });
    expect('`done`').not.toMatch(STATE);
    expect(readTests('see `test/a.test.ts` "b c", "d"; `test/e.ts`')).toEqual([
      { path: 'test/a.test.ts', titles: ['b c', 'd'] },
      { path: 'test/e.ts', titles: [] },
    ]);
    expect(isTitleOf("it('gone', () => {", 'there')).toBe(false);
  });
});

describe.each(PAGES)('%s', (page) => {
  const text = read(page);

  it('names tests that are there, by titles that they have', () => {
    for (const { path, titles } of readTests(text)) {
      expect([path, existsSync(join(project, path))]).toEqual([path, true]);
      const source = read(path).replaceAll("\\'", "'");
      for (const title of titles) {
        expect([path, title, isTitleOf(source, title)]).toEqual([path, title, true]);
      }
    }
  });

  it('names files that are there', () => {
    const paths = text.match(/(?<=`)(?:src|deploy|scripts|\.github)\/[\w./-]+(?=`)/g) ?? [];
    for (const path of paths) expect([path, existsSync(join(project, path))]).toEqual([path, true]);
  });

  it('links to pages and headings that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
    expect(links.length).toBeGreaterThan(0);
    for (const [link, path = '', anchor] of links) {
      const target = path === '' ? page : join(dirname(page), path);
      expect([link, existsSync(join(project, target))]).toEqual([link, true]);
      if (anchor === undefined) continue;
      const headings = [...read(target).matchAll(/^#+ (.+)$/gm)];
      expect(headings.map(([, heading = '']) => anchorOf(heading))).toContain(anchor);
    }
  });
});

describe('the service', () => {
  /** Node's ways to a shell and to an interpreter, and expressions that are made of a text. */
  const DANGEROUS =
    /(?:node:)?(?:child_process|vm|repl)['"]|(?<!\.)\beval\(|(?<!\.)\bFunction\(|\bRegExp\(|\bsetTimeout\(\s*['"`]/;

  it('runs no command and no text', () => {
    const sources = globSync('{src,bin}/**/*.{ts,mjs}', { cwd: project });
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.filter((path) => DANGEROUS.test(read(path)))).toEqual([]);
  });

  it.each([
    "import { spawn } from 'node:child_process';",
    "await import('vm')",
    'eval(text)',
    'new Function(text)',
    'new RegExp(text)',
  ])('would be found out by %s', (line) => {
    expect(line).toMatch(DANGEROUS);
  });
});
