import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readCliSettings } from '../../src/cli/settings.ts';
import { temporaryFolder } from '../support/folder.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { runCommand } from './command.ts';

const KEY = createHash('sha256').update('TEST ONLY: cli').digest('hex');
const LINES =
  /^ENCRYPTION_KEYS=[0-9a-f]{8}:[0-9a-f]{64}\nOPERATOR_API_KEY=[0-9a-f]{64}\nREDIS_PASSWORD=[0-9a-f]{64}\n$/;

describe('secrets of the command', () => {
  const folder = temporaryFolder();
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(async () => {
    await service.close();
    folder.remove();
  });

  const write = (name: string, text: string) => {
    const path = join(folder.path, name);
    writeFileSync(path, text);
    return path;
  };
  const status = (env: Record<string, string>) =>
    runCommand(['status', '--json'], { env: { SALLYPORT_URL: service.url, ...env } });

  it('takes the operator key from the file that the service takes it from', async () => {
    const path = write('operator', `${OPERATOR_KEY}\n`);
    expect((await status({ OPERATOR_API_KEY_FILE: path })).code).toBe(0);
  });

  it('shows the first of a list of operator keys', async () => {
    const list = write('list', `${OPERATOR_KEY},TEST-ONLY-another\n`);
    expect((await status({ OPERATOR_API_KEY: `${OPERATOR_KEY}, TEST-ONLY-another` })).code).toBe(0);
    expect((await status({ OPERATOR_API_KEY_FILE: list })).code).toBe(0);
    const wrong = await status({ OPERATOR_API_KEY: `TEST-ONLY-another,${OPERATOR_KEY}` });
    expect(wrong.code).toBe(4);
    expect(wrong.stderr).not.toContain('TEST-ONLY');
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'that is missing',
      { OPERATOR_API_KEY_FILE: '/nowhere/planted' },
      '$OPERATOR_API_KEY_FILE names a file that cannot be read (ENOENT)',
    ],
    [
      'beside the value',
      { OPERATOR_API_KEY_FILE: '/nowhere/planted', OPERATOR_API_KEY: OPERATOR_KEY },
      '$OPERATOR_API_KEY_FILE is set beside OPERATOR_API_KEY: leave one of the two out',
    ],
  ])('refuses a file %s, and says so', async (_what, env, said) => {
    const { code, stderr } = await status(env);
    expect(code).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain('planted');
  });

  it('reads no file that it has no use for', () => {
    const settings = readCliSettings({ OPERATOR_API_KEY_FILE: '/nowhere', SALLYPORT_API_KEY: 'k' });
    expect(settings.apiKey?.source).toBe('$SALLYPORT_API_KEY');
    const { code, url } = { code: settings.variable('OPERATOR_API_KEY'), url: settings.url };
    expect([code, url]).toEqual([undefined, 'http://127.0.0.1:8010']);
  });

  it('makes new ones, and says nothing besides with --env or --json', async () => {
    const lines = await runCommand(['keys', 'generate', '--env'], { cwd: folder.path });
    expect(lines).toEqual({ code: 0, stdout: expect.stringMatching(LINES), stderr: '' });
    const json = await runCommand(['keys', 'generate', '--json'], { cwd: folder.path });
    expect(json.stderr).toBe('');
    expect(Object.keys(JSON.parse(json.stdout))).toEqual([
      'ENCRYPTION_KEYS',
      'OPERATOR_API_KEY',
      'REDIS_PASSWORD',
    ]);
    const told = await runCommand(['keys', 'generate'], { cwd: folder.path });
    expect(told.stdout).toMatch(LINES);
    // Advice does not get into a file that the output is put into.
    expect(told.stderr).toContain('keep a copy of ENCRYPTION_KEYS');
  });

  it.each([
    ['ENCRYPTION_KEYS', `old:${KEY}`, `old:${KEY}`],
    ['ENCRYPTION_KEY', KEY, `${createHash('sha256').update(KEY).digest('hex').slice(0, 8)}:${KEY}`],
  ])('adds to the ring in the file of %s', async (variable, text, old) => {
    const path = write(variable, `${text}\n`);
    const env = { [`${variable}_FILE`]: path };
    const { code, stdout } = await runCommand(['keys', 'rotate', '--json'], { env });
    expect(code).toBe(0);
    const { add, seal } = JSON.parse(stdout);
    const [first, added] = add.split(',');
    expect(first).toBe(old);
    expect(added).toMatch(/^[0-9a-f]{8}:[0-9a-f]{64}$/);
    expect(seal).toBe(`${added},${old}`);
  });

  it('adds to no ring that it cannot read, rather than to another one', async () => {
    const env = { ENCRYPTION_KEYS_FILE: '/nowhere', DATA_DIR: service.dataDir };
    const { code, stdout, stderr } = await runCommand(['keys', 'rotate'], { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('$ENCRYPTION_KEYS_FILE names a file that cannot be read (ENOENT)');
  });
});
