import { Command } from 'commander';
import { addApply } from './apply.ts';
import { addBackup } from './backup.ts';
import { addDeadLetters } from './dead-letters.ts';
import { addDoctor } from './doctor.ts';
import { type CliDeps, createCli } from './context.ts';
import { addKeys } from './keys.ts';
import { addListen } from './listen.ts';
import { addMigrate } from './migrate.ts';
import { addNotifications } from './notifications.ts';
import { addSimulate } from './simulate.ts';
import { addSinks } from './sinks.ts';
import { addStatus } from './status.ts';
import { addSubscriptions } from './subscriptions.ts';
import { examples } from './arguments.ts';

const CODES = `
Exit codes: 0 done, 1 failed or a negative result, 2 cannot be used as typed, 3 the service is away,
4 the key was refused, 5 there is no such thing.
`;

/** Every command. What is typed wrongly throws instead of ending the process. */
export function createProgram(
  deps: CliDeps & { version: string; start: () => Promise<void> },
): Command {
  const program = new Command('sallyport')
    .description('A gateway for Microsoft Graph change notifications, and its service.')
    .version(deps.version)
    .option('--url <url>', 'where the service is (SALLYPORT_URL, else http://127.0.0.1:8010)')
    .option(
      '--key-file <path>',
      'a file with the key (else SALLYPORT_API_KEY, OPERATOR_API_KEY, DATA_DIR)',
    )
    .option('--organization <id>', 'whose things; default: default')
    .option('--json', 'results as JSON')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => void deps.streams.stdout.write(text),
      writeErr: (text) => void deps.streams.stderr.write(text),
      outputError: (text, write) =>
        write(
          `${text.trim().replace('error:', 'sallyport:').replaceAll(/\s*\n/g, ' ')}; see --help\n`,
        ),
    })
    .addHelpText('after', CODES)
    .exitOverride();
  const cli = createCli(program, deps);

  program
    .command('start')
    .description('the service itself, configured by the environment and .env')
    .addHelpText('after', examples('start'))
    .action(deps.start);
  addStatus(program, cli);
  addDoctor(program, cli);
  addSubscriptions(program, cli);
  addSinks(program, cli);
  addNotifications(program, cli);
  addDeadLetters(program, cli);
  addListen(program, cli);
  addApply(program, cli);
  addKeys(program, cli);
  addBackup(program, cli);
  addMigrate(program, cli);
  addSimulate(program, cli);
  return program;
}
