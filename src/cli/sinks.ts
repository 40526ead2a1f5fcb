import { type Command, Option } from 'commander';
import { z } from 'zod';
import { examples, limitOption, whole } from './arguments.ts';
import { usageError } from './cli-error.ts';
import type { Item } from './client.ts';
import type { Cli } from './context.ts';
import { showList } from './lists.ts';
import { findSink, SINK_COLUMNS, SINK_DETAILS, SINKS } from './sink.ts';
import { readStructure } from './read-file.ts';
import { type FilterOptions, toSinkFilter, withSinkFilter } from './sink-filter.ts';

const Headers = z.record(z.string(), z.string());

interface AddOptions extends FilterOptions {
  readonly kind: string;
  readonly to?: string;
  readonly stream?: string;
  readonly collection?: string;
  readonly secretFile?: string;
  readonly headersFile?: string;
  readonly purpose?: string;
  readonly concurrency?: number;
  readonly rate?: number;
  readonly description?: string;
  readonly disabled?: true;
}

/** `sinks`: where events go. */
export function addSinks(program: Command, cli: Cli): void {
  const group = program.command('sinks').description('where events go; by id, or by name');
  addReading(group, cli);
  addAdd(group, cli);
  addSwitches(group, cli);
  addSecrets(group, cli);
  addRemoving(group, cli);
}

function addReading(group: Command, cli: Cli): void {
  group
    .command('list')
    .description('all of them, the oldest first')
    .addOption(limitOption())
    .option('--deleted', 'those that were deleted, and can be restored')
    .addHelpText('after', examples('sinks list', 'sinks list --json'))
    .action(async ({ limit, deleted }: { limit: number; deleted?: true }) => {
      const query = { deleted: deleted && 'true' };
      await showList(cli, { path: SINKS, query, limit, columns: SINK_COLUMNS });
    });

  group
    .command('show <sink>')
    .description('one of them, and what waits for it')
    .addHelpText('after', examples('sinks show crm'))
    .action(async (sink: string) => {
      const api = await cli.api();
      cli.out.thing(await findSink(api, sink), SINK_DETAILS);
    });
}

function addAdd(group: Command, cli: Cli): void {
  withSinkFilter(group.command('add <name>'))
    .description('add one; a webhook answers with its signing secret, once')
    .addOption(new Option('--kind <kind>', 'how events are handed over').default('webhook'))
    .option('--to <url>', 'where a webhook is')
    .option('--stream <name>', 'where a redis-stream adds them')
    .option('--collection <name>', 'where a mongo-collection keeps them')
    .option(
      '--secret-file <path>',
      'a file with its whsec_ secret, instead of a new one; not shown',
    )
    .option('--headers-file <path>', 'a YAML or JSON file with its own headers')
    .option('--purpose <purpose>', 'operations: gets the service’s own events instead')
    .addOption(new Option('--concurrency <n>', 'deliveries at once').argParser(whole(1, 200)))
    .addOption(new Option('--rate <n>', 'deliveries a second').argParser(whole(1, 10_000)))
    .option('--description <text>', 'what it is for')
    .option('--disabled', 'its deliveries wait until it is enabled')
    .addHelpText(
      'after',
      examples(
        'sinks add crm --to https://crm.example/graph --change created updated',
        'sinks add audit-log --kind log',
        'sinks add orders --kind redis-stream --stream orders',
      ),
    )
    .action(async (name: string, options: AddOptions) => {
      // Told here, before a key goes to the address that was meant for the events.
      if (options.kind === 'webhook' && options.to === undefined) {
        throw usageError('A webhook needs --to <url>; --url is where the service is');
      }
      const body = await toSink(name, options, cli);
      const api = await cli.api();
      const { secret, ...rest } = await api.item('POST', SINKS, { body });
      // One that was given is known, and has no business on a screen.
      const isNew = secret !== undefined && options.secretFile === undefined;
      const sink: Item = isNew ? { ...rest, secret } : rest;
      cli.out.thing(sink, isNew ? { ...SINK_DETAILS, SECRET: 'secret' } : SINK_DETAILS);
      if (isNew) cli.out.note('The secret is shown this once: keep it now');
    });
}

async function toSink(name: string, options: AddOptions, cli: Cli): Promise<object> {
  const { secretFile, headersFile } = options;
  const read = <T>(schema: z.ZodType<T>, path: string | undefined) =>
    path === undefined ? undefined : readStructure(schema, path, cli.settings);
  // JSON leaves out what is undefined.
  return {
    name,
    kind: options.kind,
    purpose: options.purpose,
    url: options.to,
    stream: options.stream,
    collection: options.collection,
    secret: await read(z.string(), secretFile),
    headers: await read(Headers, headersFile),
    filter: toSinkFilter(options),
    concurrency: options.concurrency,
    ratePerSecond: options.rate,
    description: options.description,
    enabled: !options.disabled,
  };
}

const SWITCHES = [
  ['enable', 'deliver to it, what waits included', 'enabled'],
  ['disable', 'what comes for it waits', 'disabled'],
  ['pause', 'the same, said to be for a while', 'paused'],
  ['resume', 'go on after a pause', 'resumed'],
] as const;

function addSwitches(group: Command, cli: Cli): void {
  for (const [verb, description, done] of SWITCHES) {
    group
      .command(`${verb} <sink>`)
      .description(description)
      .addHelpText('after', examples(`sinks ${verb} crm`))
      .action(async (name: string) => {
        const api = await cli.api();
        const { id } = await findSink(api, name);
        cli.out.thing(await api.item('POST', `${SINKS}/${id}/${verb}`), SINK_DETAILS);
        cli.out.note(`Sink ${name} is ${done}`);
      });
  }
}

const Tested = z.looseObject({ outcome: z.string() });
const Rotated = z.looseObject({ secret: z.string() });

function addSecrets(group: Command, cli: Cli): void {
  group
    .command('test <sink>')
    .description('hand it an event of the type Sallyport.Test; exit code 1 when that fails')
    .addHelpText('after', examples('sinks test crm'))
    .action(async (name: string) => {
      const api = await cli.api();
      const { id } = await findSink(api, name);
      const tested = Tested.parse((await api.ask('POST', `${SINKS}/${id}/test`)).body);
      cli.out.thing(tested, {
        OUTCOME: 'outcome',
        REASON: 'reason',
        STATUS: 'status',
        MILLISECONDS: 'durationMs',
        ANSWER: 'body',
      });
      if (tested.outcome !== 'delivered') cli.failed();
    });

  group
    .command('rotate-secret <sink>')
    .description('a new signing secret, shown once; both sign for a while')
    .addOption(
      new Option('--overlap <hours>', 'how long the present one signs as well')
        .argParser(whole(0, 168))
        .default(24),
    )
    .addHelpText('after', examples('sinks rotate-secret crm --overlap 48'))
    .action(async (name: string, { overlap: overlapHours }: { overlap: number }) => {
      const api = await cli.api();
      const { id } = await findSink(api, name);
      const answer = await api.ask('POST', `${SINKS}/${id}/rotate-secret`, {
        body: { overlapHours },
      });
      cli.out.thing(Rotated.parse(answer.body), {
        SECRET: 'secret',
        'PREVIOUS SIGNS UNTIL': 'previousSecretsUntil',
      });
      cli.out.note('The secret is shown this once: keep it now');
    });
}

function addRemoving(group: Command, cli: Cli): void {
  group
    .command('delete <sink>')
    .description('nothing more goes there; it can be restored')
    .option('--permanent', 'remove for good what was deleted before, and what waits for it')
    .addHelpText('after', examples('sinks delete crm', 'sinks delete crm --permanent'))
    .action(async (name: string, { permanent }: { permanent?: true }) => {
      const api = await cli.api();
      const { id } = await findSink(api, name, { deleted: permanent === true });
      await api.ask('DELETE', `${SINKS}/${id}`, { query: { permanent: permanent && 'true' } });
      cli.out.note(`Sink ${name} is deleted${permanent ? ' for good' : ''}`);
    });

  group
    .command('restore <sink>')
    .description('take a deletion back')
    .addHelpText('after', examples('sinks restore crm'))
    .action(async (name: string) => {
      const api = await cli.api();
      const { id } = await findSink(api, name, { deleted: true });
      cli.out.thing(await api.item('POST', `${SINKS}/${id}/restore`), SINK_DETAILS);
    });
}
