import { type Command, Option } from 'commander';
import { z } from 'zod';
import { examples, limitOption, moment } from './arguments.ts';
import { usageError } from './cli-error.ts';
import type { Api, Item } from './client.ts';
import { confirm } from './confirm.ts';
import type { Cli } from './context.ts';
import { showList } from './lists.ts';
import type { Columns } from './output.ts';
import { findSink } from './sink.ts';

const PATH = '/api/dead-letters';

const COLUMNS: Columns<Item> = {
  ID: 'id',
  SINK: 'sinkId',
  DIED: 'finishedAt',
  REASON: 'reason',
  TRIES: 'attempt',
  TYPE: ({ notification }) => Notified.parse(notification).type,
  SUBJECT: ({ notification }) => Notified.parse(notification).subject,
};
const Notified = z.looseObject({ type: z.string(), subject: z.string() });
const Counted = z.object({ count: z.number() });

interface Filter {
  readonly sink?: string;
  readonly subscription?: string;
  readonly tenant?: string;
  readonly reason?: string;
  readonly from?: string;
  readonly before?: string;
}

interface ActOptions extends Filter {
  readonly all?: true;
  readonly comment?: string;
  readonly yes?: true;
}

const ACTS = [
  ['redrive', 'try them anew, with all their tries', 'Redrive'],
  ['discard', 'give them up for good', 'Discard'],
] as const;

/** `dead-letters`: deliveries that are out of tries. */
export function addDeadLetters(program: Command, cli: Cli): void {
  const group = program.command('dead-letters').description('deliveries that are out of tries');

  withFilter(group.command('list'))
    .description('the latest death first')
    .addOption(limitOption())
    .addHelpText('after', examples('dead-letters list', 'dead-letters list --sink crm --from 1d'))
    .action(async (options: Filter & { limit: number }) => {
      const query = await toFilter(await cli.api(), options);
      const { limit } = options;
      await showList(cli, { path: PATH, query, limit, columns: COLUMNS, shortened: ['SUBJECT'] });
    });

  for (const [verb, description, title] of ACTS) {
    withFilter(group.command(`${verb} [ids...]`))
      .description(description)
      .option('--all', 'whichever there are')
      .option('--comment <text>', 'why, for the audit trail')
      .option('-y, --yes', 'do not ask')
      .addHelpText(
        'after',
        examples(
          `dead-letters ${verb} --sink crm --reason http-401`,
          `dead-letters ${verb} --all --yes`,
        ),
      )
      .action(async (ids: string[], options: ActOptions) => {
        const api = await cli.api();
        const body = { ...(await toChoice(api, ids, options)), comment: options.comment };
        const which = ids.length > 0 ? `${ids.length} by id` : JSON.stringify(body.filter);
        await confirm(cli, `${title} dead letters (${which})?`, { yes: options.yes === true });
        const { count } = Counted.parse((await api.ask('POST', `${PATH}/${verb}`, { body })).body);
        if (cli.out.json) cli.out.value({ count });
        else cli.out.line(`${count} ${verb === 'redrive' ? 'redriven' : 'discarded'}`);
      });
  }
}

function withFilter(command: Command): Command {
  return command
    .option('--sink <sink>', 'for this sink')
    .option('--subscription <id>', 'of this subscription')
    .option('--tenant <id>', 'of this tenant')
    .option('--reason <reason>', 'that the last try gave, such as http-400')
    .addOption(new Option('--from <time>', 'that died then or later').argParser(moment))
    .addOption(new Option('--before <time>', 'that died earlier').argParser(moment));
}

/** Ids or a filter; that nothing was said must not mean everything. */
async function toChoice(api: Api, ids: readonly string[], options: ActOptions) {
  const filter = await toFilter(api, options);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if ([ids.length > 0, isFiltered, options.all === true].filter(Boolean).length !== 1) {
    throw usageError('Say which: ids, or a filter such as --sink, or --all');
  }
  return ids.length > 0 ? { ids } : { filter };
}

async function toFilter(api: Api, { sink, subscription, tenant, ...rest }: Filter) {
  const { reason, from, before } = rest;
  const sinkId = sink === undefined ? undefined : (await findSink(api, sink)).id;
  return { sinkId, subscriptionId: subscription, tenantId: tenant, reason, from, before };
}
