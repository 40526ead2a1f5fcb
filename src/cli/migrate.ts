import type { Command } from 'commander';
import type { MigrationProgress, MigrationReport } from '../app/migration/migrate.ts';
import type { MigrationSource, MovedDatabase } from '../compose/migration.ts';
import { StoreUnavailableError } from '../domain/errors.ts';
import { Secret } from '../domain/secret.ts';
import { examples } from './arguments.ts';
import { CliError, EXIT, usageError } from './cli-error.ts';
import type { Cli } from './context.ts';
import type { Columns } from './output.ts';
import type { CliSettings } from './settings.ts';

/** Of the target; of a source the same with `SOURCE_` before them. */
const VARIABLES = ['MONGODB_CA_FILE', 'MONGODB_CONNECT_TIMEOUT_MS', 'MONGODB_SELECTION_TIMEOUT_MS'];

const URLS = `
URLs are taken from the environment or .env, because they may hold passwords: the target's from
MONGODB_URL, that of a source which is a MongoDB from SOURCE_MONGODB_URL. No service may run on
either. Killed, it is run again and goes on.
`;

/** `migrate`: everything durable into the MongoDB of a server family, and compared. */
export function addMigrate(program: Command, cli: Cli): void {
  program
    .command('migrate')
    .description('move everything into an empty MongoDB and compare; exit code 1 when unequal')
    .option('--from <folder>', 'the data folder of an embedded service; else SOURCE_MONGODB_URL')
    .option('--dry-run', 'only read the source and say what it holds')
    .addHelpText('after', URLS)
    .addHelpText('after', examples('migrate --from ./data --dry-run', 'migrate --from ./data'))
    .action(async ({ from, dryRun }: { from?: string; dryRun?: boolean }) => {
      const source = readSource(cli.settings, from);
      await (dryRun === true
        ? tellWhatIsThere(cli, source)
        : move(cli, source, readTarget(cli.settings)));
    });
}

async function tellWhatIsThere(cli: Cli, source: MigrationSource): Promise<void> {
  const { countRows } = await import('../compose/migration.ts');
  const kinds = await watching(cli, (watched) => countRows(source, watched));
  cli.out.list(kinds, { KIND: 'kind', ROWS: 'rows', SHA256: 'digest' });
}

async function move(cli: Cli, source: MigrationSource, target: MovedDatabase): Promise<void> {
  const { runMigration } = await import('../compose/migration.ts'); // the drivers are large
  const report = await watching(cli, (watched) => runMigration(source, target, watched));
  if (cli.out.json) cli.out.value(report);
  else cli.out.list(report.kinds, COLUMNS);
  if (!report.equal) throw new CliError(EXIT.failed, describeDifferences(report));
  cli.out.note(
    'Everything is there and equal. A service on it needs the ENCRYPTION_KEYS and the OPERATOR_API_KEY ' +
      'of the source; where those were generated, ENCRYPTION_KEY and OPERATOR_API_KEY with what ' +
      'encryption-key and operator-api-key in <DATA_DIR>/secrets hold',
  );
}

const COLUMNS: Columns<MigrationReport['kinds'][number]> = {
  KIND: 'kind',
  ROWS: 'rows',
  'IN TARGET': 'rowsInTarget',
  SHA256: 'digest',
  RESULT: ({ equal }) => (equal ? 'ok' : 'different'),
};

function describeDifferences({ kinds, differences, finishedAt }: MigrationReport): string {
  const unequal = kinds.filter(({ equal }) => !equal).map(({ kind }) => kind);
  const named = differences.map(({ kind, id, is }) => `${kind} ${id} is ${is}`);
  const since =
    finishedAt === null
      ? 'nothing there was overwritten; drop the target database and run this again'
      : `they were equal at ${new Date(finishedAt).toISOString()}, before a service worked in the ` +
        'target; to move anew, without what it did there, drop the target database and run this again';
  return `Source and target differ in ${unequal.join(', ')}: ${[...named, since].join('; ')}`;
}

async function watching<T>(
  cli: Cli,
  work: (watched: { progress: MigrationProgress; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const line = cli.out.progress('Reading');
  const progress: MigrationProgress = (step, kind, rows, of) =>
    line.tell(`${step} ${kind}: ${rows}${of === undefined ? '' : ` of ${of}`}`);
  try {
    return await work({ progress, signal: cli.signal });
  } catch (error) {
    throw asFailed(error);
  } finally {
    line.end();
  }
}

/** Their messages are sentences already, but for that of a store that was lost on the way. */
function asFailed(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  if (!(error instanceof StoreUnavailableError)) return new CliError(EXIT.failed, message, error);
  const why = cause instanceof Error ? cause.message : 'no answer';
  const advice = 'run this again: it goes on where it was';
  return new CliError(EXIT.failed, `${error.store} failed: ${why}; ${advice}`, error);
}

function readSource(settings: CliSettings, dataDir: string | undefined): MigrationSource {
  const url = settings.secret('SOURCE_MONGODB_URL');
  if (dataDir !== undefined && url === undefined) return { dataDir };
  if (dataDir === undefined && url !== undefined) return databaseOf(settings, url, 'SOURCE_');
  throw usageError('Say one source: --from <folder>, or SOURCE_MONGODB_URL in the environment');
}

function readTarget(settings: CliSettings): MovedDatabase {
  const url = settings.secret('MONGODB_URL');
  if (url !== undefined) return databaseOf(settings, url, '');
  throw usageError('The target is missing: set MONGODB_URL, such as mongodb://host/sallyport');
}

function databaseOf(settings: CliSettings, url: string, prefix: string): MovedDatabase {
  const env = VARIABLES.map((name) => [name, settings.variable(`${prefix}${name}`)] as const);
  return { url: new Secret(url), env: Object.fromEntries(env) };
}
