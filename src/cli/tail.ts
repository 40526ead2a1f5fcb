import { CliError, EXIT } from './cli-error.ts';
import { type Api, type Item, pause, type Query } from './client.ts';
import type { Cli } from './context.ts';

/**
 * What is stored later than something that was received after it, as after a held item was judged,
 * is still found when it came within this time.
 */
const OVERLAP_MS = 30_000;

/**
 * Follows a list that is sorted by the time of receipt, the latest first, until the signal: asks
 * again and again for what came since, and leaves out what it has shown. A service that is away is
 * waited for. It is a view: what must not be missed goes to a sink.
 */
export async function tail(
  cli: Cli,
  what: { path: string; query: Query; sinceMs: number; everyMs: number },
): Promise<void> {
  const api = await cli.api();
  const shown = new Map<string, number>();
  const startedAt = (await serviceTime(api)) - what.sinceMs;
  let latestAt = startedAt;
  let away = false;

  async function look(): Promise<void> {
    const from = new Date(Math.max(startedAt, latestAt - OVERLAP_MS)).toISOString();
    const fresh: Item[] = [];
    for await (const item of api.list(what.path, { ...what.query, from })) {
      if (!shown.has(item.id)) fresh.push(item);
    }
    for (const item of fresh.toReversed()) {
      shown.set(item.id, receivedAt(item));
      latestAt = Math.max(latestAt, receivedAt(item));
      cli.out.entry(item, lineOf(item));
    }
    for (const [id, at] of shown) if (at < latestAt - OVERLAP_MS) shown.delete(id);
  }

  while (!cli.signal.aborted) {
    try {
      await look();
      if (away) cli.out.note('The service is back');
      away = false;
    } catch (error) {
      if (cli.signal.aborted) return;
      if (!(error instanceof CliError) || error.exitCode !== EXIT.away) throw error;
      if (!away) cli.out.note('The service is away: waiting for it');
      away = true;
    }
    await pause(what.everyMs, cli.signal).catch(() => undefined); // interrupted: the loop ends
  }
}

/** By its own clock, as this machine's may be another. Rejects when it is away from the start. */
async function serviceTime(api: Api): Promise<number> {
  const { body } = await api.ask('GET', '/health');
  const time =
    typeof body === 'object' && body !== null && 'timestamp' in body ? body.timestamp : '';
  const at = Date.parse(String(time));
  return Number.isNaN(at) ? Date.now() : at;
}

function receivedAt(item: Item): number {
  return Date.parse(String(item['receivedAt']));
}

function lineOf({ receivedAt: at, state, type, subject, id }: Item): string {
  return [at, state, type, subject, id].map(String).join('  ');
}
