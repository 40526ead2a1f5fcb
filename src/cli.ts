import { type Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { CliError, EXIT } from './cli/cli-error.ts';
import { createProgram } from './cli/program.ts';
import { readCliSettings } from './cli/settings.ts';

/** The `sallyport` command: reads what was typed, does it, and says by the exit code how it went. */
export async function main(): Promise<void> {
  try {
    loadEnvFile();
    await createCommands().parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function createCommands(): Command {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new CliError(EXIT.failed, 'Interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  // Whoever read our output has seen enough, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
  });
  return createProgram({
    version: packageJson.version,
    settings: readCliSettings(process.env),
    streams: process,
    signal: interrupted.signal,
    failed: () => {
      process.exitCode = EXIT.failed;
    },
    start: async () => {
      interrupted.signal.addEventListener('abort', () => process.exit(EXIT.ok)); // as src/main.ts does
      const { run } = await import('./run.ts'); // large, and no other command needs it
      const running = run();
      // The service has its own way to stop.
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      await running;
    },
  });
}

/** As `npm start` does; what the environment says already stays. */
function loadEnvFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

function exitCodeOf(error: unknown): number {
  // It has told already what was typed wrongly, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`sallyport: ${message.trim().replaceAll(/\s*\n\s*/g, '; ')}\n`);
  return error instanceof CliError ? error.exitCode : EXIT.failed;
}
