import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const project = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, project), 'utf8');

/** Where the message is made elsewhere: by whoever calls, or by kind. What they are given is read, too. */
const GIVEN_MESSAGES = [
  'src/adapters/bullmq/hint-lane.ts',
  'src/adapters/bullmq/trouble.ts',
  'src/adapters/memory/job-lane.ts',
  'src/app/audit/refusals.ts',
  'src/run.ts',
];

interface Message {
  readonly text: string;
  /** Comma-separated, in the order of the alphabet. */
  readonly levels: string;
}

/** What is between the parenthesis that ends before `at` and its partner. */
function argumentsAt(source: string, at: number): string {
  let depth = 1;
  let end = at;
  for (; depth > 0 && end < source.length; end += 1) {
    if (source[end] === '(') depth += 1;
    if (source[end] === ')') depth -= 1;
  }
  return source.slice(at, end - 1);
}

/** As the page writes it. */
const shown = (text: string) => text.replaceAll(/\$\{[^}]*\}/g, '…');

const wordsIn = (text: string) =>
  [...text.matchAll(/debug|info|warn|error/g)]
    .map(([word]) => word)
    .toSorted()
    .join(', ');

/** Messages of calls of the log; `given` counts the calls that name none. */
function readCalls(source: string): { messages: Message[]; given: number } {
  const calls = [...source.matchAll(/\blog(?:\.(?:debug|info|warn|error)|\[[^\]]*\])\(/g)];
  const messages = calls.flatMap(({ 0: call, index }) => {
    const given = argumentsAt(source, index + call.length);
    const [, , text] = /,\s*(['`])([^'`]*)\1,?\s*$/.exec(given) ?? [];
    return text === undefined ? [] : [{ text: shown(text), levels: wordsIn(call) }];
  });
  return { messages, given: calls.length - messages.length };
}

/** Messages that are handed to those of `GIVEN_MESSAGES`. */
function readGiven(source: string): Message[] {
  const patterns = [
    [/\btrouble\(\s*\w+,\s*'([^']+)'/g, 'warn'],
    [/#logBug\(\s*\w+,\s*'([^']+)'/g, 'error'],
    [/return `(Sallyport listens on \$\{url\})/g, 'info'],
  ] as const;
  const handed = patterns.flatMap(([pattern, levels]) =>
    [...source.matchAll(pattern)].map(([, text = '']) => ({ text: shown(text), levels })),
  );
  const [, kinds = ''] = /^const MESSAGES = \{([^}]*)\}/m.exec(source) ?? [];
  const byKind = [...kinds.matchAll(/: '([^']+)'/g)].map(([, text = '']) => ({
    text,
    levels: 'warn',
  }));
  return [...handed, ...byKind];
}

function lines(messages: readonly Message[]): string[] {
  const levelsOf = new Map<string, string>();
  for (const { text, levels } of messages)
    levelsOf.set(
      text,
      [...new Set(wordsIn(`${levelsOf.get(text) ?? ''} ${levels}`).split(', '))].join(', '),
    );
  const all = [...levelsOf].map(([text, levels]) => `${text} (${levels})`);
  return all.toSorted((a, b) => a.localeCompare(b));
}

const files = globSync('src/**/*.ts', { cwd: project.pathname }).filter(
  (file) => !file.startsWith('src/cli/') && file !== 'src/adapters/telemetry/log.ts',
);
const page = read('docs/logging.md');
const rows = [...page.matchAll(/^\| `([^`]+)` +\| ([a-z, ]+?) +\|/gm)].map(
  ([, text = '', levels = '']) => ({ text, levels }),
);

describe('docs/logging.md', () => {
  it('has each message with its level, and no other', () => {
    const written = files.flatMap((file) => {
      const source = read(file);
      return [...readCalls(source).messages, ...readGiven(source)];
    });
    expect(written.length).toBeGreaterThan(40);
    expect(lines(rows)).toEqual(lines(written));
  });

  it('knows of every place where a message is made elsewhere', () => {
    const given = files.filter((file) => readCalls(read(file)).given > 0);
    expect(given.toSorted()).toEqual(GIVEN_MESSAGES);
  });

  it('has each message once', () => {
    const texts = rows.map(({ text }) => text);
    expect(texts).toEqual([...new Set(texts)]);
  });

  it('names tests that are there', () => {
    const named = page.match(/test\/[\w/-]+\.test\.ts/g) ?? [];
    expect(named.length).toBeGreaterThan(2);
    for (const path of named) expect(read(path)).toContain('describe');
  });

  it('reads calls as they are written, so that what is missing is seen', () => {
    const source = `
      deps.log[ok ? 'debug' : 'info']({ a: f(1) }, 'one');
      log.warn(
        { err },
        \`two \${name}\`,
      );
      log.error({ err }, message);`;
    expect(readCalls(source)).toEqual({
      messages: [
        { text: 'one', levels: 'debug, info' },
        { text: 'two …', levels: 'warn' },
      ],
      given: 1,
    });
  });
});
