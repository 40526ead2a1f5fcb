import type { Command } from 'commander';
import { examples } from './arguments.ts';
import type { Api, Method } from './client.ts';
import { confirm } from './confirm.ts';
import type { Cli } from './context.ts';
import { Desired } from './desired.ts';
import { type Change, describeChange, findDifferences, type Section } from './differences.ts';
import { readAll } from './lists.ts';
import { readStructure } from './read-file.ts';
import { SINKS } from './sink.ts';

const SUBSCRIPTIONS = '/api/subscriptions';
const PATHS = { sink: SINKS, subscription: SUBSCRIPTIONS } as const;

interface ApplyOptions {
  readonly file: string;
  readonly dryRun?: true;
  readonly prune?: true;
  readonly secrets?: true;
  readonly yes?: true;
}

/** `apply`: makes subscriptions and sinks what a file says. */
export function addApply(program: Command, cli: Cli): void {
  program
    .command('apply')
    .description('make subscriptions and sinks what a YAML file says; done twice it does it once')
    .requiredOption('-f, --file <path>', 'what there should be; - is stdin')
    .option('--dry-run', 'only print the differences')
    .option('--prune', 'delete what the file does not name, in the sections that it has')
    .option('--secrets', 'send clientStates and headers again, which cannot be compared')
    .option('-y, --yes', 'do not ask before deleting')
    .addHelpText(
      'after',
      examples('apply -f sallyport.yaml --dry-run', 'apply -f sallyport.yaml --prune'),
    )
    .action(async (options: ApplyOptions) => {
      const desired = await readStructure(Desired, options.file, cli.settings);
      const api = await cli.api();
      const sections = await readSections(api, desired);
      const changes = sections.flatMap((section) =>
        findDifferences(section, {
          prune: options.prune === true,
          sendHidden: options.secrets === true,
        }),
      );
      await carryOut(cli, api, changes, options);
    });
}

/** Sinks first: what was held for a subscription is routed as soon as that is known. */
async function readSections(api: Api, { sinks, subscriptions }: Desired): Promise<Section[]> {
  const sections: Section[] = [];
  if (sinks !== undefined) {
    const present = await readAll(api, SINKS);
    sections.push({
      kind: 'sink',
      key: 'name',
      fixed: ['kind', 'purpose'],
      onlyNew: ['secret'],
      wanted: sinks,
      // Those of `listen` come and go by themselves.
      present: present.filter(({ kind }) => kind !== 'listen'),
      deleted: [],
    });
  }
  if (subscriptions !== undefined) {
    sections.push({
      kind: 'subscription',
      key: 'id',
      fixed: ['tenantId', 'applicationId'],
      onlyNew: [],
      wanted: subscriptions,
      present: await readAll(api, SUBSCRIPTIONS),
      deleted: await readAll(api, SUBSCRIPTIONS, { deleted: 'true' }),
    });
  }
  return sections;
}

async function carryOut(
  cli: Cli,
  api: Api,
  changes: readonly Change[],
  options: ApplyOptions,
): Promise<void> {
  const dryRun = options.dryRun === true;
  const surplus = changes.filter(({ action }) => action === '-').length;
  // One after the other, each told when it is done: what fails has left the ones before it done.
  for (const change of dryRun ? changes : []) show(cli, change);
  if (!dryRun && surplus > 0) {
    await confirm(cli, `Delete ${surplus} that the file does not name?`, {
      yes: options.yes === true,
    });
  }
  for (const change of dryRun ? [] : changes) {
    await make(api, change);
    show(cli, change);
  }
  if (cli.out.json) {
    cli.out.value({
      dryRun,
      changes: changes.map(({ action, kind, name }) => ({ action, kind, name })),
    });
  } else if (changes.length === 0) cli.out.line('Nothing to do');
}

function show(cli: Cli, change: Change): void {
  if (!cli.out.json) cli.out.line(describeChange(change));
}

async function make(api: Api, { action, kind, id = '', body }: Change): Promise<void> {
  const path = PATHS[kind];
  const it = `${path}/${encodeURIComponent(id)}`;
  const send = (method: Method, to: string, sent?: object) =>
    api.ask(method, to, sent === undefined ? {} : { body: sent });
  switch (action) {
    case '+':
      await send('POST', kind === 'subscription' ? `${path}/import` : path, body);
      return;
    case '-':
      await send('DELETE', it);
      return;
    case '^':
      await send('POST', `${it}/restore`);
      await send('PATCH', it, body);
      return;
    case '~':
      await send('PATCH', it, body);
  }
}
