import type { Command } from 'commander';
import { z } from 'zod';
import { examples, limitOption } from './arguments.ts';
import type { Item } from './client.ts';
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
      const imported: Item[] = [];
      for (const body of wanted) {
        imported.push(await api.item('POST', `${PATH}/import`, { body }));
      }
      cli.out.list(imported, COLUMNS);
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

function at(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`;
}
