import { z } from 'zod';
import { CliError, EXIT, usageError } from './cli-error.ts';
import type { Api, Item } from './client.ts';
import { readAll } from './lists.ts';
import type { Columns } from './output.ts';

export const SINKS = '/api/sinks';

export const SINK_COLUMNS: Columns<Item> = {
  ID: 'id',
  NAME: 'name',
  KIND: 'kind',
  STATE: stateOf,
  TO: ({ url, stream, collection }) => url ?? stream ?? collection ?? null,
  FILTER: filterOf,
};

export const SINK_DETAILS: Columns<Item> = {
  ...SINK_COLUMNS,
  PURPOSE: 'purpose',
  WAITING: queueOf,
  'OWN HEADERS': 'hasHeaders',
  CONCURRENCY: 'concurrency',
  'A SECOND': 'ratePerSecond',
  DESCRIPTION: 'description',
  NOTES: 'notes',
  CREATED: 'createdAt',
  UPDATED: 'updatedAt',
};

/** In a word or two: what an operator wants to know first. */
export function stateOf({ enabled, disabledReason, failingSince }: Item): string {
  if (enabled !== true) return typeof disabledReason === 'string' ? disabledReason : 'disabled';
  return typeof failingSince === 'string' ? `failing since ${failingSince}` : 'enabled';
}

/** Finds a sink by its id, else by its name, which not only one may have. */
export async function findSink(
  api: Api,
  idOrName: string,
  { deleted = false }: { deleted?: boolean } = {},
): Promise<Item> {
  const all = await readAll(api, SINKS, { deleted: deleted ? 'true' : undefined });
  const byId = all.filter(({ id }) => id === idOrName);
  const [sink, another] = byId.length > 0 ? byId : all.filter(({ name }) => name === idOrName);
  const kind = deleted ? 'deleted sink' : 'sink';
  if (sink === undefined) throw new CliError(EXIT.missing, `There is no ${kind} ${idOrName}`);
  if (another !== undefined)
    throw usageError(`More than one ${kind} is named ${idOrName}: say its id`);
  return deleted ? sink : api.item('GET', `${SINKS}/${sink.id}`);
}

const Queue = z.object({
  due: z.number(),
  claimed: z.number(),
  dead: z.number(),
  oldestAt: z.string().nullable(),
});

/** None where the API does not say: only a sink that is shown has it. */
function queueOf({ queue }: Item): string | null {
  const { data } = Queue.safeParse(queue);
  if (data === undefined) return null;
  const counts = `${data.due} due, ${data.claimed} under way, ${data.dead} dead`;
  return data.oldestAt === null ? counts : `${counts}; the oldest since ${data.oldestAt}`;
}

function filterOf({ filter }: Item): string | null {
  if (typeof filter !== 'object' || filter === null) return null;
  const parts = Object.entries(filter).map(([field, value]) => `${field}=${String(value)}`);
  return parts.length === 0 ? 'everything' : parts.join(' ');
}
