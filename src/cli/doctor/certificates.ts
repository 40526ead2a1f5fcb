import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deployment } from './deployment.ts';
import { codeOf, examine } from './examine.ts';
import { fail, type Finding, skipped } from './finding.ts';
import { judgePair } from './judge-pair.ts';

const CHECK = 'certificates';
export const ENDINGS = { certificate: '.crt.pem', key: '.key.pem' } as const;

/** The pairs that encrypted notifications are for. */
export async function checkCertificates(deployment: Deployment): Promise<readonly Finding[]> {
  const folder = deployment.config?.graph.certificatesDir;
  if (folder === undefined) return [skipped(CHECK, 'the configuration does not say where')];
  const remedy = `Make ${folder} readable for the user that the service runs as`;
  return examine(deployment, { check: CHECK, remedy }, async () => {
    const names = await readdir(folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (names === undefined) {
      return [skipped(CHECK, `there is no ${folder}: needed for encrypted notifications only`)];
    }
    const ids = idsOf(names);
    if (ids.length === 0) return [skipped(CHECK, `there is none in ${folder}`)];
    return Promise.all(ids.map((id) => checkPair(folder, id, names)));
  });
}

/** Of every file that is half of a pair. */
export function idsOf(names: readonly string[]): readonly string[] {
  const ids = names.flatMap((name) => {
    const ending = Object.values(ENDINGS).find((one) => name.endsWith(one));
    return ending === undefined ? [] : [name.slice(0, -ending.length)];
  });
  return [...new Set(ids)].toSorted();
}

async function checkPair(folder: string, id: string, names: readonly string[]): Promise<Finding> {
  const check = `certificate ${id}`;
  const missing = Object.values(ENDINGS).find((ending) => !names.includes(`${id}${ending}`));
  if (missing !== undefined) {
    const remedy = `Put ${id}${missing} beside it, or take the other half away`;
    return fail(check, `${id}${missing} is missing`, remedy);
  }
  const read = (ending: string) => readFile(join(folder, `${id}${ending}`), 'utf8');
  const pair = { certificate: await read(ENDINGS.certificate), key: await read(ENDINGS.key) };
  return judgePair(check, pair, Date.now());
}
