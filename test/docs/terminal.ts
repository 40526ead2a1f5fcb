import { spawn } from 'node:child_process';
import { until } from '../support/wait.ts';

/** A shell that is typed into, as a reader of the documentation does. */
export interface Terminal {
  /** Everything that it has shown so far, errors and background jobs included. */
  readonly shown: string;
  /** Types this and resolves once the prompt is back. */
  type(commands: string): Promise<void>;
  /** Ends the shell and whatever was started in it. */
  close(): void;
}

// A command may work for seconds, and more on a busy machine.
const PATIENCE_MS = 60_000;

export function openTerminal(cwd: string, env: Readonly<Record<string, string>>): Terminal {
  const { HOME = '', PATH = '' } = process.env;
  // Detached is a process group of its own, so that background jobs go with it.
  const shell = spawn('bash', { cwd, env: { HOME, PATH, ...env }, detached: true });
  let output = '';
  let prompts = 0;
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }

  return {
    get shown() {
      return output.replaceAll(/\[prompt \d+\]/g, '');
    },
    async type(commands) {
      prompts += 1;
      const prompt = `[prompt ${prompts}]`;
      shell.stdin.write(`${commands}\nprintf '%s' '${prompt}'\n`);
      await until(() => output.includes(prompt), `the end of: ${commands}`, PATIENCE_MS);
    },
    close() {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
    },
  };
}
