import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { examples, isWebUrl } from './arguments.ts';
import { usageError } from './cli-error.ts';
import type { Cli } from './context.ts';
import { checkCertificates } from './doctor/certificates.ts';
import { checkConfiguration } from './doctor/configuration.ts';
import { type Deployment, readEnvironment, withoutKey } from './doctor/deployment.ts';
import { type Finding, hasFailed } from './doctor/finding.ts';
import { checkPublicUrl } from './doctor/public-url.ts';
import { checkSecrets } from './doctor/secrets.ts';
import { checkService } from './doctor/service.ts';
import { checkStores } from './doctor/stores.ts';

interface Options {
  readonly publicUrl?: string;
  readonly caFile?: string;
}

type Check = (deployment: Deployment) => readonly Finding[] | Promise<readonly Finding[]>;

const CHECKS: Readonly<Record<string, Check>> = {
  'the configuration': checkConfiguration,
  'the service': checkService,
  'the stores': checkStores,
  'the secrets': checkSecrets,
  'the certificates': checkCertificates,
  'the public URL': checkPublicUrl,
};

/** `doctor`: everything that can be known to be wrong with a deployment, and what to do about it. */
export function addDoctor(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .description('check a deployment, from its environment to its public URL; 1 when a check fails')
    .option('--public-url <url>', 'as Graph sees /webhooks/graph; else GRAPH_WEBHOOK_URL')
    .option('--ca-file <path>', 'a PEM file: one more authority to trust for the public URL')
    .addHelpText(
      'after',
      examples('doctor', 'doctor --public-url https://graph.example.com/webhooks/graph --json'),
    )
    .action(async (options: Options) => {
      const findings = await checkAll(cli, await readDeployment(cli, options));
      if (hasFailed(findings)) cli.failed();
      cli.out.list(findings, { CHECK: 'check', STATE: 'state', FOUND: 'found', REMEDY: 'remedy' });
      cli.out.note(summarize(findings));
    });
}

async function readDeployment(cli: Cli, options: Options): Promise<Deployment> {
  const environment = readEnvironment(cli.settings);
  const publicUrl = options.publicUrl ?? environment.config?.graph.webhookUrl;
  return {
    ...environment,
    target: await cli.target(),
    publicUrl: publicUrl === undefined ? undefined : readUrl(publicUrl),
    ca: options.caFile === undefined ? undefined : await readCa(options.caFile),
    signal: cli.signal,
  };
}

async function checkAll(cli: Cli, whole: Deployment): Promise<readonly Finding[]> {
  const progress = cli.out.progress('Checking');
  const findings: Finding[] = [];
  let deployment = whole;
  try {
    for (const [what, check] of Object.entries(CHECKS)) {
      progress.tell(`Checking ${what}`);
      findings.push(...(await check(deployment)));
      // Whatever answers in place of the service is not shown the key.
      if (findings.some(isNoService)) deployment = withoutKey(whole);
    }
  } finally {
    progress.end();
  }
  return findings;
}

function isNoService({ check, state }: Finding): boolean {
  return check === 'service' && state === 'fail';
}

function summarize(findings: readonly Finding[]): string {
  const count = (wanted: string) => findings.filter(({ state }) => state === wanted).length;
  return `${count('ok')} ok, ${count('warn')} warnings, ${count('fail')} failed, ${count('skipped')} skipped`;
}

function readUrl(text: string): URL {
  if (isWebUrl(text)) return new URL(text);
  throw usageError(
    'The public URL cannot be used: say one such as https://graph.example.com/webhooks/graph',
  );
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`The file ${path} cannot be read: is the path right?`, error);
  }
}
