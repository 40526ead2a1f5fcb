import { chmod, copyFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { backup as copyPages, DatabaseSync } from 'node:sqlite';
import {
  type BackedUpFile,
  DATABASES,
  fingerprint,
  MANIFEST,
  type Manifest,
} from './backup-manifest.ts';
import { inspectDatabase } from './inspect.ts';
import { makeFolder } from './make-folder.ts';
import { sync } from './sync.ts';

// Some 2 MiB at a time: often enough to tell how it goes on.
const PAGES_AT_ONCE = 500;
const THE_BACKUP = 'The folder of the backup';

/** How far the copy of one file has come; 0 to 1. */
export type BackupProgress = (file: string, share: number) => void;

/**
 * Copies a data folder into a new folder while a service may be working in it. Each database is
 * copied as it stood at one moment, `inbox.db` first: what is settled there between the two moments
 * is in `store.db` by then, so everything acknowledged before the start is in one of them. What is in
 * both is found as unfinished work, as after a crash.
 *
 * Secrets are copied too, mode 0600. Rejects with a sentence; what it has made stays, without a
 * manifest, and so is no backup.
 */
export async function backUpDataFolder(options: {
  dataDir: string;
  target: string;
  now: number;
  progress: BackupProgress;
}): Promise<Manifest> {
  const { dataDir, target, progress } = options;
  await requireDatabases(dataDir);
  await makeEmptyFolder(target);
  const files: BackedUpFile[] = [];
  for (const name of DATABASES) {
    await copyDatabase(join(dataDir, name), join(target, name), (share) => progress(name, share));
    files.push({
      path: name,
      ...(await fingerprint(join(target, name))),
      ...inspectDatabase(join(target, name)),
    });
  }
  for (const path of await listSecrets(dataDir)) {
    makeFolder(join(target, 'secrets'), THE_BACKUP);
    await copyFile(join(dataDir, path), join(target, path));
    await chmod(join(target, path), 0o600);
    await sync(join(target, path));
    files.push({ path, ...(await fingerprint(join(target, path))) });
  }
  const manifest: Manifest = { format: 1, createdAt: new Date(options.now).toISOString(), files };
  await writeManifest(target, manifest);
  return manifest;
}

async function requireDatabases(dataDir: string): Promise<void> {
  for (const name of DATABASES) {
    await stat(join(dataDir, name)).catch((cause: unknown) => {
      throw new Error(`There is no ${name} in ${dataDir}: is this the service's DATA_DIR?`, {
        cause,
      });
    });
  }
}

async function makeEmptyFolder(path: string): Promise<void> {
  makeFolder(path, THE_BACKUP);
  if ((await readdir(path)).length > 0) {
    throw new Error(`${path} is not empty: a backup wants a folder of its own`);
  }
}

async function copyDatabase(
  from: string,
  to: string,
  progress: (share: number) => void,
): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 5000 });
  try {
    // One reading transaction around all steps: without it each write of the service, which is
    // another process, would make the copy begin anew, and under load it would never end.
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await copyPages(source, to, {
      rate: PAGES_AT_ONCE,
      progress: ({ remainingPages, totalPages }) => progress(1 - remainingPages / totalPages),
    });
  } finally {
    source.close();
  }
  await chmod(to, 0o600);
  await sync(to);
}

async function listSecrets(dataDir: string): Promise<string[]> {
  const folder = join(dataDir, 'secrets');
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  // Names that begin with a dot are drafts of a start under way.
  return entries
    .filter((entry) => entry.isFile() && /^[\w-]{1,64}$/.test(entry.name))
    .map(({ name }) => `secrets/${basename(name)}`);
}

/** The one write that makes it a backup: whole or not at all. */
async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const draft = join(folder, `.${MANIFEST}`);
  await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  await sync(draft);
  await rename(draft, join(folder, MANIFEST));
  await sync(folder);
}
