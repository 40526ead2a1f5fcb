import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { z } from 'zod';
import { Secret } from '../domain/secret.ts';
import { examples, isWebUrl } from './arguments.ts';
import { CliError, EXIT, usageError } from './cli-error.ts';
import { type Api, pause } from './client.ts';
import type { Cli } from './context.ts';
import { forward, type ForwardAnswer } from './forward.ts';
import { readStructure } from './read-file.ts';
import { readServerSentEvents } from './server-sent-events.ts';
import { type FilterOptions, toSinkFilter, withSinkFilter } from './sink-filter.ts';

const PATH = '/api/listen';
const RECONNECT_AFTER_MS = 1000;
/** The service says something every 15 s; a connection that is silent for so long is dead. */
const SILENT_MS = 45_000;
/** Answers go together: requests are limited by the minute. */
const ANSWER_EVERY_MS = 1000;
const ANSWERS_AT_ONCE = 200;

const Listening = z.object({ sinkId: z.string() });
const Shown = z.looseObject({ id: z.string(), type: z.string(), subject: z.string() });
const WebhookSecret = z.string().regex(/^whsec_[A-Za-z0-9+/]+={0,2}$/, 'must be a whsec_ secret');

interface ListenOptions extends FilterOptions {
  readonly forward: string;
  readonly secretFile?: string;
}

/** `listen`: events on a developer's machine, which nobody can reach from outside. */
export function addListen(program: Command, cli: Cli): void {
  withSinkFilter(program.command('listen'))
    .description('bring events to this machine, for as long as this runs; failed ones come again')
    .requiredOption('--forward <url>', 'where to post them, signed as webhooks are')
    .option('--secret-file <path>', 'a file with a whsec_ secret, instead of a new one')
    .addHelpText('after', examples('listen --forward http://localhost:3000/events'))
    .action(async (options: ListenOptions) => {
      if (!isWebUrl(options.forward)) {
        throw usageError(
          '--forward wants a URL without a user and a password, such as http://localhost:3000/events',
        );
      }
      const secret =
        options.secretFile === undefined
          ? `whsec_${randomBytes(32).toString('base64')}`
          : await readStructure(WebhookSecret, options.secretFile, cli.settings);
      const target = { url: options.forward, secret: new Secret(secret), signal: cli.signal };
      const signed = options.secretFile === undefined ? `, signed with ${secret}` : '';
      const greeting = `Forwarding to ${options.forward}${signed}`;
      await listen(cli, { target, filter: toSinkFilter(options), greeting });
    });
}

interface Wanted {
  readonly target: Parameters<typeof forward>[0];
  readonly filter: object;
  /** Said whenever the connection is made. */
  readonly greeting: string;
}

/** Connects again and again; only the first time must the service be there. */
async function listen(cli: Cli, wanted: Wanted): Promise<void> {
  const api = await cli.api();
  let wasConnected = false;
  const connected = () => {
    wasConnected = true;
    cli.out.note(wanted.greeting);
  };
  while (!cli.signal.aborted) {
    try {
      await listenOnce(cli, api, { ...wanted, connected });
    } catch (error) {
      if (cli.signal.aborted) return;
      const isAway = error instanceof CliError && error.exitCode === EXIT.away;
      if (!wasConnected || !isAway) throw error;
    }
    await pause(RECONNECT_AFTER_MS, cli.signal).catch(() => undefined); // interrupted: the loop ends
  }
}

async function listenOnce(
  cli: Cli,
  api: Api,
  { target, filter, connected }: Wanted & { connected: () => void },
): Promise<void> {
  const silent = new AbortController();
  const giveUp = () => silent.abort(new CliError(EXIT.away, 'The service has fallen silent'));
  const timer = setTimeout(giveUp, SILENT_MS);
  const signal = AbortSignal.any([cli.signal, silent.signal]);
  try {
    const stream = await api.stream(PATH, { filter, description: 'sallyport listen' }, signal);
    let answers: ReturnType<typeof createAnswers> | undefined;
    for await (const { event, id = '', data } of readServerSentEvents(watch(stream, timer))) {
      if (event === 'listening') {
        const { sinkId } = Listening.parse(JSON.parse(data));
        answers = createAnswers(api, sinkId, cli);
        connected();
      } else if (event === 'delivery') {
        void forward(target, { deliveryId: id, event: data }).then((answer) => {
          show(cli, data, answer);
          answers?.add({ deliveryId: id, ...answer });
        });
      }
    }
  } catch (error) {
    // Cut off in the middle: as good as ended, unless the service did not even answer.
    if (error instanceof CliError) throw error;
    throw new CliError(EXIT.away, 'The connection was cut', error);
  } finally {
    clearTimeout(timer);
  }
}

/** Puts the timer off with whatever comes, the service's signs of life included. */
async function* watch(stream: ReadableStream<Uint8Array>, timer: NodeJS.Timeout) {
  for await (const chunk of stream) {
    timer.refresh();
    yield chunk;
  }
}

/** Tells the service how tries ended; what it does not hear of it tries again. */
function createAnswers(api: Api, sinkId: string, { signal, out }: Cli) {
  const waiting: (ForwardAnswer & { deliveryId: string })[] = [];
  let isSending = false;

  async function send(): Promise<void> {
    isSending = true;
    try {
      while (waiting.length > 0) {
        const answers = waiting.splice(0, ANSWERS_AT_ONCE);
        // 404: the connection has ended, and another one gets what was not answered.
        await api.ask('POST', `${PATH}/${sinkId}/answers`, { body: { answers }, expect: [404] });
        await pause(ANSWER_EVERY_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) out.note(`Answers were not taken: ${String(error)}`);
    } finally {
      isSending = false;
    }
  }

  return {
    add(answer: (typeof waiting)[number]): void {
      waiting.push(answer);
      if (!isSending) void send();
    },
  };
}

function show({ out }: Cli, data: string, { status }: ForwardAnswer): void {
  const { id, type, subject } = Shown.parse(JSON.parse(data));
  out.entry({ id, type, subject, status }, `${status ?? 'no answer'}  ${type}  ${subject}  ${id}`);
}
