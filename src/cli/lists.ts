import type { Api, Item, Query } from './client.ts';
import type { Cli } from './context.ts';
import type { Columns } from './output.ts';

/** Shows the beginning of a list, and says when there is more. */
export async function showList(
  cli: Cli,
  what: {
    path: string;
    query?: Query;
    limit: number;
    columns: Columns<Item>;
    shortened?: readonly string[];
  },
): Promise<void> {
  const api = await cli.api();
  // One more than is shown tells whether there is more.
  const found = await take(api.list(what.path, what.query, what.limit + 1), what.limit + 1);
  cli.out.list(found.slice(0, what.limit), what.columns, what);
  if (found.length > what.limit) cli.out.note(`There are more: say --limit, now ${what.limit}`);
}

/** Everything of a list. */
export async function readAll(api: Api, path: string, query?: Query): Promise<Item[]> {
  return take(api.list(path, query), Number.POSITIVE_INFINITY);
}

async function take(items: AsyncIterable<Item>, limit: number): Promise<Item[]> {
  const taken: Item[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length >= limit) break;
  }
  return taken;
}
