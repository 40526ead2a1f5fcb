import { type Command, Option } from 'commander';
import { z } from 'zod';
import { duration, examples, limitOption, moment } from './arguments.ts';
import type { Item } from './client.ts';
import type { Cli } from './context.ts';
import { showList } from './lists.ts';
import type { Columns } from './output.ts';
import { addReplay } from './replay.ts';
import { findSink } from './sink.ts';
import { tail } from './tail.ts';

const PATH = '/api/notifications';

const COLUMNS: Columns<Item> = {
  ID: 'id',
  RECEIVED: 'receivedAt',
  STATE: 'state',
  TYPE: 'type',
  SUBJECT: 'subject',
  SUBSCRIPTION: 'subscriptionId',
};

const DETAILS: Columns<Item> = { ...COLUMNS, TENANT: 'tenantId', SEQUENCE: 'sequence' };

const Deliveries = z.object({ deliveries: z.array(z.looseObject({})) });

interface Filter {
  readonly state?: string;
  readonly delivery?: string;
  readonly subscription?: string;
  readonly tenant?: string;
  readonly sink?: string;
}

/** `notifications`: what was received, and what became of it. */
export function addNotifications(program: Command, cli: Cli): void {
  const group = program
    .command('notifications')
    .description('what was received, and what became of it');

  withFilter(group.command('list'))
    .description('those that were received, the latest first')
    .addOption(limitOption())
    .addOption(new Option('--from <time>', 'received then or later').argParser(moment))
    .addOption(new Option('--before <time>', 'received earlier').argParser(moment))
    .addHelpText(
      'after',
      examples('notifications list --from 2h', 'notifications list --delivery dead --json'),
    )
    .action(async (options: Filter & { limit: number; from?: string; before?: string }) => {
      const { limit, from, before } = options;
      const query = { ...(await toQuery(cli, options)), from, before };
      await showList(cli, { path: PATH, query, limit, columns: COLUMNS, shortened: ['SUBJECT'] });
    });

  group
    .command('show <id>')
    .description('one of them: its deliveries, and with --json their tries and what Graph sent')
    .addHelpText('after', examples('notifications show <id>', 'notifications show <id> --json'))
    .action(async (id: string) => {
      const api = await cli.api();
      const { text, body } = await api.ask('GET', `${PATH}/${encodeURIComponent(id)}`);
      // As it came: parsing what Graph sent would round large integers.
      if (cli.out.json) return cli.out.line(text);
      const shown = z.looseObject({ id: z.string() }).parse(body);
      cli.out.thing(shown, DETAILS);
      cli.out.list(Deliveries.parse(body).deliveries, {
        DELIVERY: 'id',
        STATE: 'state',
        TRIES: 'attempt',
        REASON: 'reason',
        DUE: 'dueAt',
        FINISHED: 'finishedAt',
      });
    });

  withFilter(group.command('tail'))
    .description('follow what comes in, until it is interrupted; JSON lines with --json')
    .addOption(
      new Option('--since <duration>', 'begin so long ago').argParser(duration).default(0, 'now'),
    )
    .addOption(
      new Option('--every <duration>', 'how often to look').argParser(duration).default(2000, '2s'),
    )
    .addHelpText('after', examples('notifications tail', 'notifications tail --since 10m --json'))
    .action(async ({ since, every, ...filter }: Filter & { since: number; every: number }) => {
      const query = await toQuery(cli, filter);
      await tail(cli, { path: PATH, query, sinceMs: since, everyMs: every });
    });

  addReplay(group, cli);
}

function withFilter(command: Command): Command {
  return command
    .option('--state <state>', 'accepted, pending or waiting')
    .option(
      '--delivery <state>',
      'with a delivery that is due, claimed, delivered, dead or discarded',
    )
    .option('--subscription <id>', 'of this subscription')
    .option('--tenant <id>', 'of this tenant')
    .option('--sink <sink>', 'with a delivery to this sink');
}

async function toQuery(cli: Cli, { state, delivery, subscription, tenant, sink }: Filter) {
  const sinkId = sink === undefined ? undefined : await sinkIdOf(cli, sink);
  return { state, delivery, subscriptionId: subscription, tenantId: tenant, sinkId };
}

/** An id is taken as it is: what went to a sink that is deleted by now can be looked for, too. */
async function sinkIdOf(cli: Cli, idOrName: string): Promise<string> {
  if (z.guid().safeParse(idOrName).success) return idOrName;
  return (await findSink(await cli.api(), idOrName)).id;
}
