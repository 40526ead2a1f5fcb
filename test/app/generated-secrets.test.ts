import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadOrGenerateSecrets } from '../../src/generated-secrets.ts';
import { temporaryFolder } from '../support/folder.ts';

const BOTH = ['encryption-key', 'operator-api-key'] as const;

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('generated secrets', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  const pathOf = (name: string) => join(folder.path, 'secrets', name);
  const values = async () =>
    [...(await loadOrGenerateSecrets(folder.path, BOTH))].map(([, secret]) => secret.reveal());

  it('are made once, each another one, and kept for the next start', async () => {
    const first = await values();
    expect(new Set(first).size).toBe(2);
    for (const value of first) expect(value).toMatch(/^[0-9a-f]{64}$/);
    expect(await values()).toEqual(first);
  });

  it('are only for the one who runs the service', async () => {
    await values();
    expect(await modeOf(join(folder.path, 'secrets'))).toBe(0o700);
    for (const name of BOTH) expect(await modeOf(pathOf(name))).toBe(0o600);
  });

  it('stand in files as a shell reads them, and nothing is left beside them', async () => {
    const [key] = await values();
    expect(await readFile(pathOf('encryption-key'), 'utf8')).toBe(`${key}\n`);
    expect((await readdir(join(folder.path, 'secrets'))).toSorted()).toEqual([...BOTH]);
  });

  it('are the same for all who ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, values));
    expect(new Set(all.map((pair) => pair.join())).size).toBe(1);
    expect(await values()).toEqual(all[0]);
  });

  it('are closed to others when they were left open', async () => {
    const first = await values();
    await chmod(join(folder.path, 'secrets'), 0o755);
    await chmod(pathOf('operator-api-key'), 0o644);
    expect(await values()).toEqual(first);
    expect(await modeOf(join(folder.path, 'secrets'))).toBe(0o700);
    expect(await modeOf(pathOf('operator-api-key'))).toBe(0o600);
  });

  it('may be put there by hand', async () => {
    await mkdir(join(folder.path, 'secrets'));
    await writeFile(pathOf('operator-api-key'), 'TEST-ONLY-my-own-operator-key-of-mine\n');
    const secrets = await loadOrGenerateSecrets(folder.path, ['operator-api-key']);
    expect(secrets.get('operator-api-key')?.reveal()).toBe('TEST-ONLY-my-own-operator-key-of-mine');
  });

  it.each(['', '\n', 'planted-short', 'two words of a planted secret, one too many for it'])(
    'are not replaced when a file holds something else: "%s"',
    async (text) => {
      await mkdir(join(folder.path, 'secrets'));
      await writeFile(pathOf('encryption-key'), text);
      const loading = loadOrGenerateSecrets(folder.path, ['encryption-key']);
      await expect(loading).rejects.toThrow(/encryption-key does not hold a secret/);
      await expect(loading).rejects.not.toThrow(/planted/);
      expect(await readFile(pathOf('encryption-key'), 'utf8')).toBe(text);
    },
  );

  it('leave the data folder alone when none is missing', async () => {
    expect((await loadOrGenerateSecrets(folder.path, [])).size).toBe(0);
    expect(await readdir(folder.path)).toEqual([]);
  });
});
