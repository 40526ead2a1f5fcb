import type { Inbox, Unsettled } from '../../ports/inbox.ts';

/** What the server has: the oldest ones, in their order, and how many there are in all. */
export interface Listing {
  readonly oldest: readonly Unsettled[];
  readonly total: number;
}

export interface Backlog {
  add(id: string, receivedAt: number): void;
  remove(id: string): void;
  figures(): ReturnType<Inbox['backlog']>;
  /**
   * Takes over what the server has; one at a time. Those in `gone` count no more, and what is added
   * or removed meanwhile stays so. When the listing fails nothing changes.
   */
  relist(list: () => Promise<Listing>, gone: Iterable<string>): Promise<void>;
}

/**
 * Counts the receipts that are not settled: at once what this instance appends and settles, and with
 * each listing what others did. Of a long backlog it knows the oldest by name and of the others only
 * how many they are.
 */
export function createBacklog(): Backlog {
  let known = new Map<string, number>();
  let others = 0;
  /** None of the others is older. */
  let othersSince = Infinity;
  let changes: Map<string, number | undefined> | undefined;

  function add(id: string, receivedAt: number): void {
    known.set(id, receivedAt);
    changes?.set(id, receivedAt);
  }

  function remove(id: string): void {
    if (!known.delete(id) && others > 0) others -= 1;
    changes?.set(id, undefined);
  }

  function take({ oldest, total }: Listing, since: ReadonlyMap<string, number | undefined>): void {
    known = new Map(oldest.map(({ id, receivedAt }) => [id, receivedAt]));
    others = Math.max(0, total - oldest.length);
    othersSince = oldest.at(-1)?.receivedAt ?? Infinity;
    for (const [id, receivedAt] of since) {
      if (receivedAt === undefined) remove(id);
      else add(id, receivedAt);
    }
  }

  return {
    add,
    remove,

    figures() {
      return {
        receipts: known.size + others,
        // Only when somebody asks: a map steps over what was deleted before its first entry.
        get oldestAt() {
          const [oldest = Infinity] = known.values();
          const oldestAt = others > 0 ? Math.min(oldest, othersSince) : oldest;
          return oldestAt === Infinity ? null : oldestAt;
        },
      };
    },

    async relist(list, gone) {
      const since = new Map<string, number | undefined>();
      for (const id of gone) since.set(id, undefined);
      changes = since;
      try {
        const listing = await list();
        changes = undefined;
        take(listing, since);
      } finally {
        changes = undefined;
      }
    },
  };
}
