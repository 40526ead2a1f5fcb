import { randomBytes, randomUUID } from 'node:crypto';
import { constants, type FileHandle, link, chmod, open, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolder } from './adapters/sqlite/make-folder.ts';
import { Secret } from './domain/secret.ts';

/** Names of files in `DATA_DIR/secrets`, after the variables that would take their place. */
export type SecretName = 'encryption-key' | 'operator-api-key';

/**
 * Gives the secrets that the environment does not: those of earlier starts, and new ones of 64 hex
 * digits for names that have none. Kept in `<dataDir>/secrets/<name>` (0600, folder 0700), the
 * value and a newline, so that a shell can use them. Nothing is ever printed.
 */
export async function loadOrGenerateSecrets<N extends SecretName>(
  dataDir: string,
  missing: readonly N[],
): Promise<ReadonlyMap<N, Secret>> {
  const secrets = new Map<N, Secret>();
  if (missing.length === 0) return secrets;
  const folder = resolve(dataDir, 'secrets');
  makeFolder(folder);
  await chmod(folder, 0o700); // it may have been there, open to others
  for (const name of missing) {
    const path = join(folder, name);
    secrets.set(name, (await read(path)) ?? (await generate(folder, path)));
  }
  return secrets;
}

async function read(path: string): Promise<Secret | undefined> {
  const file = await openExisting(path);
  if (file === undefined) return undefined;
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) await file.chmod(0o600);
    const value = (await file.readFile('utf8')).trim();
    if (/^[\x21-\x7e]{32,}$/.test(value)) return new Secret(value);
  } finally {
    await file.close();
  }
  throw new Error(`${path} does not hold a secret of at least 32 characters: restore it, or remove \
it to have a new one made (what the old one sealed cannot be opened then)`);
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * Written and synced under another name first, and then linked, which fails where the name is
 * taken: a crash leaves a whole secret or none, and of two processes one wins for both.
 */
async function generate(folder: string, path: string): Promise<Secret> {
  const draft = join(folder, `.${randomUUID()}`);
  await writeSynced(draft, `${randomBytes(32).toString('hex')}\n`);
  try {
    await link(draft, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(draft);
  }
  await syncFolder(folder);
  const kept = await read(path);
  if (kept === undefined) throw new Error(`${path} was removed while it was being made`);
  return kept;
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
