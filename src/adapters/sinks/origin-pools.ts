import type { Dispatcher } from 'undici';

interface Slot {
  readonly pool: Dispatcher;
  inUse: number;
}

/**
 * A pool of connections for each origin. Of more than `limit` those not in use are closed, the
 * least recently used first; those in use stay, so deliveries under way bound the excess.
 */
export class OriginPools {
  readonly #limit: number;
  readonly #create: (origin: string) => Dispatcher;
  // In the order of use.
  readonly #slots = new Map<string, Slot>();

  constructor(deps: { limit: number; create: (origin: string) => Dispatcher }) {
    this.#limit = deps.limit;
    this.#create = deps.create;
  }

  /** Runs something with the pool of an origin; the pool stays open until that has ended. */
  async use<T>(origin: string, run: (pool: Dispatcher) => Promise<T>): Promise<T> {
    const slot = this.#slots.get(origin) ?? { pool: this.#create(origin), inUse: 0 };
    this.#slots.delete(origin);
    this.#slots.set(origin, slot);
    slot.inUse += 1;
    this.#closeIdle();
    try {
      return await run(slot.pool);
    } finally {
      slot.inUse -= 1;
      this.#closeIdle();
    }
  }

  async close(): Promise<void> {
    const slots = [...this.#slots.values()];
    this.#slots.clear();
    await Promise.all(slots.map(({ pool }) => pool.destroy()));
  }

  #closeIdle(): void {
    if (this.#slots.size <= this.#limit) return;
    for (const [origin, slot] of this.#slots) {
      if (slot.inUse > 0) continue;
      this.#slots.delete(origin);
      void slot.pool.destroy();
      if (this.#slots.size <= this.#limit) return;
    }
  }
}
