import { chmod, copyFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type BackedUpFile, fingerprint, type Manifest, readManifest } from './backup-manifest.ts';
import { lockDataFolder } from './data-folder.ts';
import { checkIntegrity, inspectDatabase } from './inspect.ts';
import { INBOX_MIGRATIONS } from './inbox-schema.ts';
import { makeFolder } from './make-folder.ts';
import { STORE_MIGRATIONS } from './store-schema.ts';
import { sync } from './sync.ts';

const KNOWN_SCHEMAS: Readonly<Record<string, number>> = {
  'inbox.db': INBOX_MIGRATIONS.length,
  'store.db': STORE_MIGRATIONS.length,
};

/**
 * Puts a backup in the place of a data folder. Everything is copied beside it and checked there
 * first: digests, integrity, schemas. What was there is kept as `<folder>.before-restore-<time>`.
 * Rejects with a sentence, and has changed nothing then; so it does while a service runs there.
 */
export async function restoreDataFolder(options: {
  backup: string;
  dataDir: string;
  now: number;
}): Promise<{ manifest: Manifest; keptAside: string | undefined }> {
  const dataDir = resolve(options.dataDir);
  const manifest = await readManifest(options.backup);
  const stamp = new Date(options.now).toISOString().replaceAll(/[:.]/g, '-');
  const staging = `${dataDir}.restoring-${stamp}`;
  try {
    makeFolder(join(staging, 'secrets'));
    for (const file of manifest.files) await copyChecked(file, options.backup, staging);
    await sync(staging);
    const aside = `${dataDir}.before-restore-${stamp}`;
    const keptAside = await swap(staging, dataDir, aside);
    return { manifest, keptAside };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** The copy is checked, not what it was copied from: what is checked is what will be used. */
async function copyChecked(file: BackedUpFile, from: string, to: string): Promise<void> {
  const [source, copy] = [join(from, file.path), join(to, file.path)];
  await copyFile(source, copy).catch((cause: unknown) => {
    throw new Error(`The backup is not whole: ${source} cannot be read`, { cause });
  });
  await chmod(copy, 0o600);
  const { bytes, sha256 } = await fingerprint(copy);
  if (bytes !== file.bytes || sha256 !== file.sha256) {
    throw new Error(`${source} is not what was backed up: use another backup`);
  }
  const known = KNOWN_SCHEMAS[file.path];
  if (known !== undefined) {
    checkIntegrity(copy);
    const { readableFrom } = inspectDatabase(copy);
    if (readableFrom > known) {
      throw new Error(`${source} was written by a newer Sallyport: restore it with that one`);
    }
  }
  await sync(copy);
}

async function swap(staging: string, dataDir: string, aside: string): Promise<string | undefined> {
  if (!(await exists(dataDir))) {
    await rename(staging, dataDir);
    await sync(dirname(dataDir));
    return undefined;
  }
  // Held until the folder is away, so that no service starts in the middle.
  const folder = lockDataFolder(dataDir);
  try {
    await rename(dataDir, aside).catch((cause: unknown) => {
      throw new Error(`${dataDir} cannot be moved aside: restore into another folder`, { cause });
    });
    await rename(staging, dataDir).catch((cause: unknown) => {
      throw new Error(`${dataDir} was taken meanwhile; what was there is in ${aside}`, { cause });
    });
    await sync(dirname(dataDir));
    return aside;
  } finally {
    folder.release();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
