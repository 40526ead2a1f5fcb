import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

export const MANIFEST = 'manifest.json';

/** In the order in which they are copied: what leaves the first may be in the second by then. */
export const DATABASES = ['inbox.db', 'store.db'] as const;

const BackedUpFile = z.strictObject({
  /** One of ours: a name from outside must not lead elsewhere. */
  path: z.string().regex(/^(inbox\.db|store\.db|secrets\/[\w-]{1,64})$/),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Of a database: its schema, and from which on programs can read it. */
  schemaVersion: z.int().optional(),
  readableFrom: z.int().optional(),
});
export type BackedUpFile = z.output<typeof BackedUpFile>;

/** What a backup consists of; written last, so that one that was cut off has none. */
export const Manifest = z.strictObject({
  format: z.literal(1),
  createdAt: z.iso.datetime(),
  files: z
    .array(BackedUpFile)
    .refine(
      (files) => DATABASES.every((name) => files.filter(({ path }) => path === name).length === 1),
      { error: `must have each of ${DATABASES.join(' and ')} once` },
    ),
});
export type Manifest = z.output<typeof Manifest>;

/** Reads the manifest of a backup; rejects with a sentence when it is none. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Error(`${folder} is no whole backup: it has no ${MANIFEST}`, { cause });
  });
  try {
    return Manifest.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${path} is damaged, or of a newer Sallyport`, { cause });
  }
}

/** Size and SHA-256 of a file, read piece by piece. */
export async function fingerprint(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const { size: bytes } = await stat(path);
  return { bytes, sha256: hash.digest('hex') };
}
