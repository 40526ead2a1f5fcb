import type { Command } from 'commander';
import type { Cli } from './context.ts';

export function addListen(program: Command, cli: Cli): void {
  program.command('listen').action(() => cli.out.line('soon'));
}
