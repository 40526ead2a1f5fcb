import type { Command } from 'commander';
import { z } from 'zod';
import { examples } from './arguments.ts';
import { CliError, EXIT } from './cli-error.ts';
import type { Api, Item } from './client.ts';
import type { Cli } from './context.ts';
import { readAll } from './lists.ts';
import { SINK_COLUMNS, SINKS } from './sink.ts';

const MAX_COUNTED = 200;
/** Reasons of a disabled sink that a person has given; every other one is the service's own. */
const BY_A_PERSON = ['paused', null];

const Overview = z.looseObject({
  status: z.enum(['healthy', 'degraded']),
  version: z.string().optional(),
  uptime: z.number().optional(),
  services: z.record(z.string(), z.string()).default({}),
  queues: z.record(z.string(), z.unknown()).default({}),
});
const Queue = z.object({ waiting: z.number(), active: z.number(), delayed: z.number() });

/** `status`: whether the service is well, in one look. */
export function addStatus(program: Command, cli: Cli): void {
  program
    .command('status')
    .description('health, queues, what is failing; exit code 1 when something is')
    .addHelpText('after', examples('status', 'status --json'))
    .action(async () => {
      const api = await cli.api();
      const { body } = await api.ask('GET', '/api/health', { expect: [503] });
      const { status, version, uptime, services, queues } = Overview.parse(body);
      const [sinks, deadLetters] = await Promise.all([
        nullWhenAway(readAll(api, SINKS)),
        nullWhenAway(countDeadLetters(api)),
      ]);
      const failing = sinks?.filter(isFailing);
      const isWell = status === 'healthy' && failing?.length === 0 && deadLetters !== null;
      if (!isWell) cli.failed();
      if (cli.out.json) return cli.out.value({ ...Overview.parse(body), sinks, deadLetters });

      cli.out.thing(
        { status, version, uptime, sinks: sinks?.length, failing: failing?.length, deadLetters },
        {
          STATUS: 'status',
          VERSION: 'version',
          'UP FOR SECONDS': 'uptime',
          SINKS: 'sinks',
          'OF THEM FAILING': 'failing',
          'DEAD LETTERS': 'deadLetters',
        },
      );
      cli.out.list(toRows(services), { STORE: 'name', STATE: 'state' });
      cli.out.list(toQueueRows(queues), {
        QUEUE: 'name',
        WAITING: 'waiting',
        ACTIVE: 'active',
        DELAYED: 'delayed',
      });
      const troubled = sinks?.filter((sink) => sink['enabled'] !== true || isFailing(sink)) ?? [];
      if (troubled.length > 0) cli.out.list(troubled, SINK_COLUMNS);
    });
}

function isFailing({ enabled, disabledReason, failingSince }: Item): boolean {
  if (enabled === true) return typeof failingSince === 'string';
  return !BY_A_PERSON.some((reason) => reason === (disabledReason ?? null));
}

/** While a store is away its lists are 503, and how the service is must be told all the same. */
async function nullWhenAway<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.away) return null;
    throw error;
  }
}

/** Exactly up to a point; beyond it the number matters less than the time it takes. */
async function countDeadLetters(api: Api): Promise<number | string> {
  let count = 0;
  for await (const _ of api.list('/api/dead-letters')) {
    count += 1;
    if (count > MAX_COUNTED) return `more than ${MAX_COUNTED}`;
  }
  return count;
}

function toRows(services: Readonly<Record<string, string>>) {
  return Object.entries(services).map(([name, state]) => ({ name, state }));
}

function toQueueRows(queues: Readonly<Record<string, unknown>>) {
  return Object.entries(queues).flatMap(([name, counts]) => {
    const { data } = Queue.safeParse(counts); // `count`, which stands beside them, is none
    return data === undefined ? [] : [{ name, ...data }];
  });
}
