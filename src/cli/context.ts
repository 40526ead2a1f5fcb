import type { Command } from 'commander';
import { z } from 'zod';
import { isWebUrl } from './arguments.ts';
import { usageError } from './cli-error.ts';
import { createApi, type Api } from './client.ts';
import { createOutput, type Output, type Streams } from './output.ts';
import { type CliSettings, findOperatorKey, type FoundKey } from './settings.ts';

/** What commands work with; made when one of them runs, because the options are known then. */
export interface Cli {
  readonly settings: CliSettings;
  readonly out: Output;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** The service that was chosen by options and environment, and the key for it. */
  target(): Promise<Target>;
  /** The same, to be asked. Does not connect yet. */
  api(): Promise<Api>;
  /** The exit code of a command that was done, and has a negative result. */
  failed(): void;
}

export interface Target {
  readonly url: string;
  readonly found: FoundKey;
}

const Options = z.object({
  url: z.string().optional(),
  keyFile: z.string().optional(),
  organization: z.string().optional(),
  json: z.boolean().default(false),
});

export interface CliDeps {
  readonly settings: CliSettings;
  readonly streams: Streams;
  readonly signal: AbortSignal;
  readonly failed: () => void;
}

/** Options of the program stand before or behind the command, so they are read last. */
export function createCli(program: Command, deps: CliDeps): Cli {
  const options = () => Options.parse(program.opts());
  const out = () => createOutput(deps.streams, options());
  async function target(): Promise<Target> {
    const { url = deps.settings.url, keyFile } = options();
    const found = await findOperatorKey(deps.settings, keyFile);
    if (isExposed(checkedUrl(url)) && found.key !== undefined) {
      out().note(`The key goes to ${url} unencrypted: better say https`);
    }
    return { url, found };
  }

  return {
    settings: deps.settings,
    signal: deps.signal,
    failed: deps.failed,
    get out() {
      return out();
    },
    target,
    async api() {
      const { organization } = options();
      return createApi({
        ...(await target()),
        organization,
        signal: deps.signal,
        note: (text) => out().note(text),
      });
    },
  };
}

function checkedUrl(text: string): string {
  if (isWebUrl(text)) return text;
  throw usageError(
    'The URL of the service must be http or https, without a user and a password: say one such as --url http://127.0.0.1:8010',
  );
}

function isExposed(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
