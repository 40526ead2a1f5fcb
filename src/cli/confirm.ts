import { createInterface } from 'node:readline/promises';
import { CliError, EXIT } from './cli-error.ts';
import type { Cli } from './context.ts';

/** Asks before something that cannot be taken back; where nobody can be asked, it was meant. */
export async function confirm(
  cli: Cli,
  question: string,
  { yes }: { yes: boolean },
): Promise<void> {
  if (yes || !cli.out.isInteractive) return;
  const { stdin: input, stderr: output } = process;
  const terminal = createInterface({ input, output });
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: cli.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw new CliError(EXIT.failed, 'Nothing was done');
}
