import type { Config } from '../../config.ts';
import { readSecrets } from '../../configured-secrets.ts';
import { SECRET_VARIABLES } from '../../environment.ts';
import { type GivenEnvironment, withSecretFiles } from '../../secret-files.ts';
import type { Deployment } from './deployment.ts';
import { fail, type Finding, ok, warn } from './finding.ts';
import { checkModes } from './secret-file-modes.ts';

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
