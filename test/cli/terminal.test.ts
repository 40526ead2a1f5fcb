import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, runs } from '../faults/needs.ts';
import { genuineText } from '../http/graph-posts.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { BIN, operatorOf, watch } from './command.ts';

const TERMINAL = {
  name: 'script (util-linux)',
  isThere: () => runs('script', ['-qec', 'true', '/dev/null']),
};

/** The command on a terminal of its own, into which can be typed. */
function onTerminal(line: string, env: Record<string, string>, columns = 200) {
  const command = `stty cols ${columns}; ${process.execPath} ${BIN} ${line}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', SHELL: '/bin/sh', ...env },
  });
  return { ...watch(child), type: (text: string) => child.stdin.write(text) };
}

describeWith(TERMINAL, 'the command on a terminal', () => {
  let service: TestService;
  let env: Record<string, string>;

  beforeAll(async () => {
    service = await startService();
    ({ env } = operatorOf(service));
  });
  afterAll(() => service.close());

  it('draws tables, with colours unless NO_COLOR is set', async () => {
    const coloured = await onTerminal('sinks list', env).ended;
    expect(coloured.code).toBe(0);
    expect(coloured.stdout).toContain('│');
    expect(coloured.stdout).toContain('\u001b[32menabled\u001b[39m');
    const plain = await onTerminal('sinks list', { ...env, NO_COLOR: '1' }).ended;
    expect(plain.stdout).toContain('│ enabled');
    expect(plain.stdout).not.toContain('\u001b[');
    const json = await onTerminal('sinks list --json', env).ended;
    expect(JSON.parse(json.stdout)).toMatchObject([{ name: 'log' }]);
  });

  it.each([80, 120])('fits tables to a terminal of %d columns', async (columns) => {
    const plain = { ...env, DATA_DIR: service.dataDir, NO_COLOR: '1', PORT: 'x' };
    const { stdout } = await onTerminal('doctor', plain, columns).ended;
    const lines = stdout.split(/\r?\n/).filter((line) => /^[┌│├└]/.test(line));
    expect(new Set(lines.map(({ length }) => length))).toEqual(new Set([lines[0]?.length]));
    expect(lines[0]?.length).toBeLessThanOrEqual(columns);
    expect(stdout).not.toContain('…');
    const remedies = lines.map((line) => line.split('│')[4]?.trim() ?? '').join(' ');
    expect(remedies).toContain('.env.example says what it may be');
  });

  it('shortens long subjects where a list is, and nowhere else', async () => {
    const id = 'x'.repeat(180);
    await importSamples(service);
    expect((await service.post(genuineText(id))).status).toBe(202);
    const list = (options = '') => operatorOf(service).run(`notifications list${options}`);
    await until(
      async () => (await list()).stdout.includes(id),
      'the notification, whole in a pipe',
    );
    const plain = { ...env, NO_COLOR: '1' };
    const { stdout } = await onTerminal('notifications list', plain, 180).ended;
    const rows = stdout.split(/\r?\n/).filter((line) => /^[┌│├└]/.test(line));
    expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([180]));
    expect(stdout).toMatch(/│ Users\/u\/\S+…x+ │/);
    const [{ id: notification }] = JSON.parse((await list(' --json')).stdout);
    const shown = await onTerminal(`notifications show ${notification}`, plain, 180).ended;
    expect(shown.stdout).toContain(id);
    expect((await onTerminal('notifications list --json', plain, 180).ended).stdout).toContain(id);
  });

  it('colours what doctor comes to', async () => {
    const { stdout } = await onTerminal('doctor', { ...env, PORT: 'x' }).ended;
    for (const painted of ['32mok', '33mwarn', '31mfail', '90mskipped']) {
      expect(stdout).toContain(`\u001b[${painted}\u001b[39m`);
    }
  });

  it('asks before it gives something up, and takes no other word for yes', async () => {
    for (const [answer, code, said] of [
      ['n\n', 1, 'Nothing was done'],
      ['\n', 1, 'Nothing was done'],
      ['y\n', 0, '0 discarded'],
    ] as const) {
      const running = onTerminal('dead-letters discard --all', env);
      await until(() => running.stdout().includes('[y/N]'), 'the question');
      running.type(answer);
      const ended = await running.ended;
      expect({ answer, code: ended.code }).toEqual({ answer, code });
      expect(ended.stdout).toContain(said);
    }
    const unasked = await onTerminal('dead-letters discard --all --yes', env).ended;
    expect(unasked.stdout).not.toContain('[y/N]');
    expect(unasked.code).toBe(0);
  });

  it('shows how a simulation comes along', async () => {
    const { code, stdout } = await onTerminal('simulate --rate 20 --duration 1s --late 0', env)
      .ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/traffic: \d+ of \d+ POSTs/);
    expect(stdout).toMatch(/│ MISSING +│ 0 /);
  });
});
