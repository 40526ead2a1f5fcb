import { setTimeout as sleep } from 'node:timers/promises';
import { SUBSCRIPTIONS } from '../support/service.ts';

/** A number generator whose seed is printed, so that a run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const [MAIL] = SUBSCRIPTIONS;

/** A genuine item with an id of its own. */
export function anItem(id: string): object {
  return {
    id,
    subscriptionId: MAIL?.id,
    subscriptionExpirationDateTime: '2026-12-31T18:00:00Z',
    clientState: MAIL?.clientState,
    tenantId: MAIL?.tenantId,
    changeType: 'created',
    resource: `Users/u/Messages/${id}`,
    resourceData: { '@odata.type': '#Microsoft.Graph.Message', id },
  };
}

/** Posts batches one after the other on a few connections, and remembers what was acknowledged. */
export function startLoad(options: {
  url: () => string;
  connections: number;
  batch: number;
  /** Of the items' ids, for loads that run at the same time. */
  prefix?: string;
}) {
  const acknowledged = new Set<string>();
  let sent = 0;
  let stopping = false;

  async function postForever(): Promise<void> {
    while (!stopping) {
      const ids = Array.from(
        { length: options.batch },
        () => `${options.prefix ?? 'n-'}${(sent += 1)}`,
      );
      const ok = await post(options.url(), ids);
      if (ok) for (const id of ids) acknowledged.add(id);
      else await sleep(20); // the service is being killed or started
    }
  }

  const running = Promise.all(Array.from({ length: options.connections }, postForever));
  return {
    acknowledged,
    sent: () => sent,
    async stop() {
      stopping = true;
      await running;
    },
  };
}

export async function post(url: string, ids: readonly string[]): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/webhooks/graph`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ value: ids.map(anItem) }),
      signal: AbortSignal.timeout(5000),
    });
    await answer.arrayBuffer();
    return answer.status === 202;
  } catch {
    return false;
  }
}

/** How often each Graph id arrived, by the events that a receiver got. */
export function arrivals(bodies: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const body of bodies) {
    const { data } = JSON.parse(body) as { data: { id: string } };
    counts.set(data.id, (counts.get(data.id) ?? 0) + 1);
  }
  return counts;
}
