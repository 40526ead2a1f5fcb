import { type Command, Option } from 'commander';
import { z } from 'zod';
import { examples, moment } from './arguments.ts';
import { type Api, pause } from './client.ts';
import type { Cli } from './context.ts';
import { findSink } from './sink.ts';

const PATH = '/api/notifications';
const LOOK_EVERY_MS = 1000;

interface ReplayOptions {
  readonly to?: string;
  readonly of?: string;
  readonly subscription?: string;
  readonly tenant?: string;
  readonly from?: string;
  readonly before?: string;
  readonly wait: boolean;
}

type Replay = z.output<typeof Replay>;
const Replay = z.looseObject({
  id: z.string(),
  state: z.string(),
  notifications: z.number(),
  deliveries: z.number(),
});

/** `notifications replay`: deliver again, and say how far that has come. */
export function addReplay(group: Command, cli: Cli): void {
  group
    .command('replay')
    .description('deliver again what was received; events keep their ids and are marked')
    .option('--to <sink>', 'to this sink only; else to those that each was for')
    .option('--of <sink>', 'those that were for this sink')
    .option('--subscription <id>', 'of this subscription')
    .option('--tenant <id>', 'of this tenant')
    .addOption(new Option('--from <time>', 'received then or later').argParser(moment))
    .addOption(new Option('--before <time>', 'received earlier').argParser(moment))
    .option('--no-wait', 'do not wait until it is done')
    .addHelpText(
      'after',
      examples(
        'notifications replay --to new-crm --from 7d',
        'notifications replay --of crm --from 2h',
      ),
    )
    .action(async (options: ReplayOptions) => {
      const api = await cli.api();
      const idOf = async (sink: string | undefined) => sink && (await findSink(api, sink)).id;
      const body = {
        sinkId: await idOf(options.to),
        filter: {
          sinkId: await idOf(options.of),
          subscriptionId: options.subscription,
          tenantId: options.tenant,
          from: options.from,
          before: options.before,
        },
      };
      const started = Replay.parse((await api.ask('POST', `${PATH}/replay`, { body })).body);
      const last = options.wait ? await follow(api, started, cli) : started;
      cli.out.thing(last, {
        ID: 'id',
        STATE: 'state',
        NOTIFICATIONS: 'notifications',
        DELIVERIES: 'deliveries',
        CREATED: 'createdAt',
        FINISHED: 'finishedAt',
      });
    });
}

/** Until all deliveries are made; the sinks may still be getting them then. */
async function follow(api: Api, started: Replay, cli: Cli): Promise<Replay> {
  const progress = cli.out.progress('Replaying');
  let replay = started;
  try {
    while (replay.state === 'running') {
      await pause(LOOK_EVERY_MS, cli.signal);
      const { body } = await api.ask('GET', `${PATH}/replays/${started.id}`);
      replay = Replay.parse(body);
      progress.tell(
        `Replaying: ${replay.notifications} notifications, ${replay.deliveries} deliveries`,
      );
    }
    return replay;
  } catch (error) {
    if (cli.signal.aborted) cli.out.note(`The replay ${started.id} goes on in the service`);
    throw error;
  } finally {
    progress.end();
  }
}
