import type { Hint } from '../../ports/job-queue.ts';

/** How many hints of all lanes are on their way to Redis. */
export interface Room {
  taken: number;
  readonly max: number;
}

// So many scripts run at the server in one go, during which limits cannot be counted.
const CHUNK = 200;

/** The hints of one lane that are on their way to Redis: one chunk is sent, others gather behind it. */
export class Outbox {
  readonly #gathered = new Map<string, Hint>();
  readonly #room: Room;
  readonly #send: (hints: readonly Hint[]) => Promise<void>;
  #sending = 0;
  #flushing: Promise<void> | undefined;

  /** `send` never rejects: it says `false` when Redis failed, and what has gathered is dropped. */
  constructor(room: Room, send: (hints: readonly Hint[]) => Promise<boolean>) {
    this.#room = room;
    this.#send = async (hints) => {
      if (!(await send(hints))) this.clear();
    };
  }

  get size(): number {
    return this.#gathered.size + this.#sending;
  }

  /** Sends a hint with all others of this turn; says `false` when there is no room for it. */
  add(hint: Hint): boolean {
    const key = keyOf(hint);
    if (this.#gathered.has(key)) return true;
    if (this.#room.taken >= this.#room.max) return false;
    this.#room.taken += 1;
    this.#gathered.set(key, hint);
    this.#flushing ??= Promise.resolve().then(() => this.#flush());
    return true;
  }

  /** Drops what is not being sent. */
  clear(): void {
    this.#room.taken -= this.#gathered.size;
    this.#gathered.clear();
  }

  /** Resolves when nothing is being sent. */
  async settled(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#gathered.size > 0) {
      const chunk = [...this.#gathered].slice(0, CHUNK);
      for (const [key] of chunk) this.#gathered.delete(key);
      this.#sending = chunk.length;
      await this.#send(chunk.map(([, hint]) => hint));
      this.#sending = 0;
      this.#room.taken -= chunk.length;
    }
    this.#flushing = undefined;
  }
}

/** Names a hint among those of its lane. */
export function keyOf({ id, generation }: Hint): string {
  return `${generation} ${id}`;
}
