import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { readSecrets } from '../../configured-secrets.ts';
import { SECRET_VARIABLES } from '../../environment.ts';
import { type GivenEnvironment, withSecretFiles } from '../../secret-files.ts';
import type { Deployment } from './deployment.ts';
import { codeOf, examine } from './examine.ts';
import { fail, type Finding, ok, skipped, warn } from './finding.ts';

/** Whether the secrets are worth their name, and kept from others. */
export async function checkSecrets(deployment: Deployment): Promise<readonly Finding[]> {
  const { config, given } = deployment;
  const production = given['NODE_ENV'] === 'production';
  return [
    judgeMode(production),
    ...judgeStrength(given, production),
    ...(config === undefined ? [] : [judgeGenerated(config)]),
    ...(await checkModes(deployment)),
  ];
}

function judgeMode(production: boolean): Finding {
  if (production) return ok('production', 'NODE_ENV=production');
  return warn(
    'production',
    'NODE_ENV is not production: weak secrets are taken, errors show their stacks',
    'Set NODE_ENV=production where Graph sends to',
  );
}

/** As production judges them, whatever this is: that is where they will be. */
function judgeStrength(given: GivenEnvironment, production: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const complain = (variable: string, problem: string) => {
    const [what = '', ...then] = problem.split('; ');
    // Then they are generated, and putting new ones in their place would lose what is sealed.
    if (!production && what === 'is missing') return;
    const remedy = then.join('; ') || `Set another ${variable}`;
    const judged = production ? fail : warn;
    findings.push(judged('secrets', `${variable} ${what}`, remedy));
  };
  // Files that cannot be read are a problem of the configuration, and told there.
  const found = withSecretFiles(given, SECRET_VARIABLES, () => undefined);
  readSecrets(found, true, complain);
  return findings.length > 0 ? findings : [ok('secrets', 'long, irregular, each used once')];
}

function judgeGenerated(
  config: Pick<Config, 'encryptionKeys' | 'operatorApiKeys' | 'instances'>,
): Finding {
  const missing = [
    ...(config.encryptionKeys === undefined ? ['ENCRYPTION_KEYS'] : []),
    ...(config.operatorApiKeys === undefined ? ['OPERATOR_API_KEY'] : []),
  ];
  if (missing.length === 0) return ok('generated secrets', 'none in use');
  const found = `in place of ${missing.join(', ')}`;
  if (config.instances === 1) {
    const remedy =
      'Before production, move what DATA_DIR/secrets holds to ENCRYPTION_KEY and OPERATOR_API_KEY: another key opens nothing of what is sealed';
    return warn('generated secrets', `${found}, kept in the data folder`, remedy);
  }
  return fail(
    'generated secrets',
    `${found}: each of ${config.instances} instances has its own`,
    `Set ${missing.join(' and ')}, the same for all; what is sealed opens only with the key in DATA_DIR/secrets`,
  );
}

function checkModes(deployment: Deployment): Promise<readonly Finding[]> {
  const folder = join(deployment.dataDir, 'secrets');
  const check = 'secret files';
  const remedy = 'Run this as the user that the service runs as';
  return examine(deployment, { check, remedy }, async () => {
    const names = await readdir(folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (names === undefined) return [skipped(check, `there is no ${folder} here`)];
    const open: string[] = [];
    for (const path of [folder, ...names.map((name) => join(folder, name))]) {
      if (((await stat(path)).mode & 0o077) !== 0) open.push(path);
    }
    if (open.length === 0) return [ok(check, `${folder} is for its owner only`)];
    return [
      fail(check, `others may use ${open.join(', ')}`, `chmod -R go= ${folder}, and make new ones`),
    ];
  });
}
