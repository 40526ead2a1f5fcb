import type { Command } from 'commander';
import { backUpDataFolder } from '../adapters/sqlite/backup.ts';
import { restoreDataFolder } from '../adapters/sqlite/restore.ts';
import { examples } from './arguments.ts';
import { CliError, EXIT } from './cli-error.ts';
import type { Cli } from './context.ts';

/** `backup` and `restore`: the data folder, not the API; on the machine of the service. */
export function addBackup(program: Command, cli: Cli): void {
  program
    .command('backup <folder>')
    .description('copy the data folder into a new one, while the service runs; secrets included')
    .option('--data-dir <folder>', 'of the service; else DATA_DIR')
    .addHelpText('after', examples('backup /backups/sallyport-$(date +%F)'))
    .action(async (target: string, { dataDir = cli.settings.dataDir }: { dataDir?: string }) => {
      const progress = cli.out.progress('Copying');
      const manifest = await backUpDataFolder({
        dataDir,
        target,
        now: Date.now(),
        progress: (file, share) => progress.tell(`Copying ${file}: ${Math.floor(100 * share)} %`),
      })
        .catch(asFailed)
        .finally(() => progress.end());
      if (cli.out.json) cli.out.value(manifest);
      else cli.out.list(manifest.files, { FILE: 'path', BYTES: 'bytes', SHA256: 'sha256' });
      cli.out.note(noteOnKeys(manifest.files.map(({ path }) => path)));
    });

  program
    .command('restore <backup>')
    .description('check a backup and put it in the place of a data folder; what was there is kept')
    .requiredOption('--data-dir <folder>', 'where the service will look for it')
    .addHelpText('after', examples('restore /backups/sallyport-2026-11-22 --data-dir ./data'))
    .action(async (backup: string, { dataDir }: { dataDir: string }) => {
      const { manifest, keptAside } = await restoreDataFolder({
        backup,
        dataDir,
        now: Date.now(),
      }).catch(asFailed);
      if (cli.out.json) return cli.out.value({ createdAt: manifest.createdAt, dataDir, keptAside });
      cli.out.line(`${dataDir} is as it was at ${manifest.createdAt}`);
      if (keptAside !== undefined) cli.out.line(`What was there is in ${keptAside}`);
    });
}

function noteOnKeys(paths: readonly string[]): string {
  return paths.includes('secrets/encryption-key')
    ? 'It holds the keys to itself (secrets, mode 0600): keep it where only you can read it'
    : 'What is sealed in it opens only with the ENCRYPTION_KEYS of the environment: keep those, too';
}

/** Their messages are sentences already. */
function asFailed(error: unknown): never {
  throw new CliError(EXIT.failed, error instanceof Error ? error.message : String(error), error);
}
