import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { types } from 'node:util';

/**
 * Makes a folder, and those above it that are missing (mode 0700). Not by `recursive`: where the system
 * says that a folder which is there is not, as in /proc, Node tries that for ever.
 * Throws with a sentence that begins with `what`, the name by which its user knows the path.
 */
export function makeFolder(path: string, what = 'DATA_DIR'): void {
  if (isFolder(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path), what);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    if (isFolder(path)) return; // another process was quicker
    const why = types.isNativeError(cause) && 'code' in cause ? `: ${String(cause.code)}` : '';
    throw new Error(`${what} cannot be used, for no folder ${path} can be made${why}`, { cause });
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
