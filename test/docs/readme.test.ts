import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, runs } from '../faults/needs.ts';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/wait.ts';
import { readBlocks, shows } from './blocks.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const PROJECT = new URL('../../', import.meta.url).pathname;
const blocks = readBlocks(readFileSync(join(PROJECT, 'README.md'), 'utf8'));

/** Blocks that take a machine of their own, by their last line: the build server and new users run them. */
const NOT_HERE = ['npm ci && npm start', 'npm ci && npm test', 'npm ci --omit=dev && npm start'];

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) ?? '';

/** What the reader types, and what the README shows below it. */
const steps = blocks.flatMap(({ heading, language, text: commands }, at) => {
  const next = blocks[at + 1];
  const expected = next?.language === 'text' && next.heading === heading ? next.text : '';
  const isRun = language === 'sh' && !NOT_HERE.includes(lastLine(commands));
  return isRun ? [{ name: `${heading}: ${commands.split('\n')[0]}`, commands, expected }] : [];
});

// A reader looks later than a test does. What only asks can be asked again until it is so.
const onlyAsks = (commands: string) => !/ -d | -X |^graph |^kill |&$/m.test(commands);

// The first wait of the retry schedule is 5 s; where a slow machine misses that try, the next is 30 s.
const PATIENCE_MS = 50_000;

const SHELL = {
  name: 'bash and curl',
  isThere: () => runs('bash', ['--version']) && runs('curl', ['--version']),
};

describeWith(SHELL, 'the README', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let service: ChildService;
  let terminal: Terminal;
  /** The README's addresses may be taken on this machine: others stand in for them. */
  let instead: ReadonlyMap<string, string>;

  const here = (text: string) => {
    return [...instead].reduce((changed, [one, other]) => changed.replaceAll(one, other), text);
  };

  beforeAll(async () => {
    folder = temporaryFolder();
    for (const name of ['bin', 'examples', 'node_modules', 'package.json', 'src', 'test']) {
      symlinkSync(join(PROJECT, name), join(folder.path, name));
    }
    service = await startChild({
      dataDir: join(folder.path, 'data'),
      env: { OPERATOR_API_KEY: '', NODE_ENV: 'development' },
    });
    const receiver = await startReceiver();
    await receiver.close(); // its port is free now
    const { port } = receiver;
    terminal = openTerminal(folder.path, { PORT: String(port), SALLYPORT_URL: service.url });
    instead = new Map([
      ['http://127.0.0.1:8010', service.url],
      ['http://127.0.0.1:9090', service.metricsUrl],
      ['http://127.0.0.1:3000', `http://127.0.0.1:${port}`],
      ['port 3000', `port ${port}`],
    ]);
  });
  afterAll(async () => {
    terminal.close();
    await service.end('SIGTERM');
    folder.remove();
  });

  it('has the commands that this test leaves to others, and many that it does not', () => {
    const ends = blocks
      .filter(({ language }) => language === 'sh')
      .map(({ text }) => lastLine(text));
    expect(ends).toEqual(expect.arrayContaining(NOT_HERE));
    expect(steps.filter(({ expected }) => expected !== '').length).toBeGreaterThanOrEqual(15);
  });

  it.each(steps)(
    'keeps its word: $name',
    async ({ commands, expected }) => {
      const from = terminal.shown.length;
      const isSo = () => shows(terminal.shown.slice(from), here(expected));
      const look = async () => {
        if (onlyAsks(commands)) await terminal.type(here(commands));
        return isSo();
      };
      if (!onlyAsks(commands)) await terminal.type(here(commands));
      await until(look, `${expected}\nbut:\n${terminal.shown.slice(from)}`, PATIENCE_MS);
    },
    PATIENCE_MS + 20_000,
  );

  it('brought each event once, and left nothing behind', async () => {
    const lines = terminal.shown.split('\n').filter((line) => /^(received|again):/.test(line));
    expect(lines.map((line) => line.split(' ')[1])).toEqual([
      'Microsoft.Graph.MessageCreated',
      'Microsoft.Graph.MessageDeleted',
    ]);
    const from = terminal.shown.length;
    await terminal.type('api "$SALLYPORT/api/dead-letters"');
    await terminal.type('api "$SALLYPORT/api/notifications?delivery=due"');
    expect(terminal.shown.slice(from)).toBe('{"data":[],"nextCursor":null} 200\n'.repeat(2));
  });

  it('names only files that are there', () => {
    const text = readFileSync(join(PROJECT, 'README.md'), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(
      ([, path = '']) => path,
    );
    expect(links.length).toBeGreaterThan(5);
    for (const path of links) expect(() => readFileSync(join(PROJECT, path))).not.toThrow(/ENOENT/);
  });
});
