import { type Command, Option } from 'commander';
import { z } from 'zod';
import { examples, instant, limitOption } from './arguments.ts';
import { CliError, EXIT, type ExitCode } from './cli-error.ts';
import type { Api, Item } from './client.ts';
import type { Cli } from './context.ts';
import { showList } from './lists.ts';
import type { Columns } from './output.ts';
import { readStructure } from './read-file.ts';

const PATH = '/api/subscriptions';

const COLUMNS: Columns<Item> = {
  ID: 'id',
  RESOURCE: 'resource',
  CHANGES: 'changeType',
  TENANT: 'tenantId',
  EXPIRES: 'expirationDateTime',
};

const DETAILS: Columns<Item> = {
  ...COLUMNS,
  APPLICATION: 'applicationId',
  'RESOURCE DATA': 'includeResourceData',
  CERTIFICATE: 'encryptionCertificateId',
  DESCRIPTION: 'description',
  NOTES: 'notes',
  CREATED: 'createdAt',
  UPDATED: 'updatedAt',
};

/** What the ones after it would fail by, too; and wrong keys are counted. */
const FOR_ALL: ReadonlySet<ExitCode> = new Set([EXIT.away, EXIT.refused]);

/** One subscription or several; what is in them, the service judges. */
const File = z
  .union([z.array(z.looseObject({})), z.looseObject({})], {
    error: 'must be a subscription, or a list of them',
  })
  .transform((found) => (Array.isArray(found) ? found : [found]));

/** `subscriptions`: Graph's promises to notify us. */
export function addSubscriptions(program: Command, cli: Cli): void {
  const group = program.command('subscriptions').description("Graph's promises to notify us");

  group
    .command('list')
    .description('the known ones, the latest first')
    .addOption(limitOption())
    .option('--deleted', 'those that were deleted, and can be restored')
    .addHelpText('after', examples('subscriptions list', 'subscriptions list --deleted --json'))
    .action(async ({ limit, deleted }: { limit: number; deleted?: true }) => {
      const query = { deleted: deleted && 'true' };
      await showList(cli, { path: PATH, query, limit, columns: COLUMNS });
    });

  group
    .command('show <id>')
    .description('one of them')
    .addHelpText('after', examples('subscriptions show 7f105c7d-2dc5-4530-97cd-4e7ae6534c07'))
    .action(async (id: string) => {
      const api = await cli.api();
      cli.out.thing(await api.item('GET', at(id)), DETAILS);
    });

  group
    .command('import')
    .description('make known what exists at Graph; the file has one or a list, YAML or JSON')
    .requiredOption('-f, --file <path>', 'where they are described; - is stdin')
    .addHelpText(
      'after',
      examples('subscriptions import -f mail.yaml', '--json subscriptions import -f - < all.json'),
    )
    .action(async ({ file }: { file: string }) => {
      const wanted = await readStructure(File, file, cli.settings);
      const api = await cli.api();
      await importAll(cli, api, wanted);
    });

  group
    .command('update <id>')
    .description('tell that it was renewed at Graph: until when it lasts now')
    .addOption(
      new Option('--expires <time>', "Graph's new expirationDateTime")
        .argParser(instant)
        .makeOptionMandatory(),
    )
    .addHelpText(
      'after',
      examples(
        'subscriptions update 7f105c7d-2dc5-4530-97cd-4e7ae6534c07 --expires 2026-12-31T18:00:00Z',
      ),
    )
    .action(async (id: string, { expires }: { expires: string }) => {
      const api = await cli.api();
      const body = { expirationDateTime: expires };
      cli.out.thing(await api.item('PATCH', at(id), { body }), DETAILS);
    });

  group
    .command('delete <id>')
    .description('its notifications are dropped from now on; it can be restored')
    .option('--permanent', 'remove for good what was deleted before')
    .addHelpText('after', examples('subscriptions delete 7f105c7d-2dc5-4530-97cd-4e7ae6534c07'))
    .action(async (id: string, { permanent }: { permanent?: true }) => {
      const api = await cli.api();
      await api.ask('DELETE', at(id), { query: { permanent: permanent && 'true' } });
      cli.out.note(`Subscription ${id} is deleted${permanent ? ' for good' : ''}`);
    });

  group
    .command('restore <id>')
    .description('take a deletion back')
    .addHelpText('after', examples('subscriptions restore 7f105c7d-2dc5-4530-97cd-4e7ae6534c07'))
    .action(async (id: string) => {
      const api = await cli.api();
      cli.out.thing(await api.item('POST', `${at(id)}/restore`), DETAILS);
    });
}

/** One after the other; what is refused is told, and does not keep back the ones after it. */
async function importAll(cli: Cli, api: Api, wanted: readonly object[]): Promise<void> {
  const imported: Item[] = [];
  for (const [index, body] of wanted.entries()) {
    try {
      imported.push(await api.item('POST', `${PATH}/import`, { body }));
    } catch (error) {
      if (wanted.length === 1 || !(error instanceof CliError)) throw error;
      const told = `${nameOf(body, index, error)}: ${error.message}`;
      if (cli.signal.aborted || FOR_ALL.has(error.exitCode)) {
        if (imported.length > 0) cli.out.list(imported, COLUMNS);
        throw new CliError(error.exitCode, told, error);
      }
      cli.out.note(told);
      cli.failed();
    }
  }
  cli.out.list(imported, COLUMNS);
}

/** By its id; by its place as well where that may be what is wrong. */
function nameOf(body: object, index: number, { exitCode }: CliError): string {
  const place = `entry ${index + 1}`;
  if (!('id' in body) || typeof body.id !== 'string') return place;
  return exitCode === EXIT.usage ? `${body.id} (${place})` : body.id;
}

function at(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`;
}
