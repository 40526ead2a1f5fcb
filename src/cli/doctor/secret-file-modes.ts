import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SECRET_VARIABLES } from '../../environment.ts';
import { ENDINGS } from './certificates.ts';
import type { Deployment } from './deployment.ts';
import { codeOf, examine } from './examine.ts';
import { fail, type Finding, ok, skipped, warn } from './finding.ts';

const CHECK = 'secret files';

/** Whether others on this machine may use the files that secrets stand in. */
export async function checkModes(deployment: Deployment): Promise<readonly Finding[]> {
  if (process.platform === 'win32') return [skipped(CHECK, 'modes say nothing on Windows')];
  const remedy = 'Run this as the user that the service runs as';
  const all = [checkGenerated, checkNamed, checkPrivateKeys].map((check) =>
    examine(deployment, { check: CHECK, remedy }, () => check(deployment)),
  );
  return (await Promise.all(all)).flat();
}

/** What the service keeps for itself. */
async function checkGenerated({ dataDir }: Deployment): Promise<readonly Finding[]> {
  const folder = join(dataDir, 'secrets');
  const names = await unlessMissing(readdir(folder));
  if (names === undefined) return [skipped(CHECK, `there is no ${folder} here`)];
  const open: string[] = [];
  for (const path of [folder, ...names.map((name) => join(folder, name))]) {
    if (((await stat(path)).mode & 0o077) !== 0) open.push(path);
  }
  if (open.length === 0) return [ok(CHECK, `${folder} is for its owner only`)];
  return [
    fail(CHECK, `others may use ${open.join(', ')}`, `chmod -R go= ${folder}, and make new ones`),
  ];
}

/** What the operator keeps: `.env`, and whatever a `…_FILE` names. */
function checkNamed({ given }: Deployment): Promise<readonly Finding[]> {
  const named = SECRET_VARIABLES.flatMap((name) => given[`${name}_FILE`] ?? []);
  return judgeFiles(['.env', ...named]);
}

/** Those of the certificates for encrypted notifications. */
async function checkPrivateKeys({ config }: Deployment): Promise<readonly Finding[]> {
  if (config === undefined) return [];
  const folder = config.graph.certificatesDir;
  const names = (await unlessMissing(readdir(folder))) ?? [];
  const keys = names.filter((name) => name.endsWith(ENDINGS.key));
  return judgeFiles(keys.map((name) => join(folder, name)));
}

/**
 * A group may read them, since the service often is not the owner of what is mounted. That everybody
 * may read them is only warned of, because Docker and Kubernetes mount them so unless they are told
 * otherwise; that their group may change them, because a shell on Ubuntu makes it so, with nobody else
 * in the group.
 */
async function judgeFiles(paths: readonly string[]): Promise<readonly Finding[]> {
  const writable: string[] = [];
  const readable: string[] = [];
  const closed: string[] = [];
  for (const path of new Set(paths)) {
    // A missing one is no problem, or one of the configuration.
    const found = await unlessMissing(stat(path));
    if (found === undefined) continue;
    if ((found.mode & 0o002) !== 0) writable.push(path);
    else if ((found.mode & 0o024) !== 0) readable.push(path);
    else closed.push(path);
  }
  return [
    ...(writable.length === 0
      ? []
      : [fail(CHECK, `others may change ${writable.join(', ')}`, remedyFor(writable))]),
    ...(readable.length === 0
      ? []
      : [
          warn(
            CHECK,
            `more than the owner may read or change ${readable.join(', ')}`,
            remedyFor(readable),
          ),
        ]),
    ...(closed.length === 0 ? [] : [ok(CHECK, `${closed.join(', ')}: not for everybody`)]),
  ];
}

function remedyFor(paths: readonly string[]): string {
  return `chmod g-w,o= ${paths.join(' ')}; what is mounted gets its mode there (Docker: mode, Kubernetes: defaultMode)`;
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
