import { wasSetBack } from '../../domain/elapsed.ts';
import type { Hint } from '../../ports/job-queue.ts';
import { DueHeap } from './due-heap.ts';
import { Fifo } from './fifo.ts';

/**
 * The hints of one lane and what each is doing: delayed, ready, behind another of its id that
 * runs, or running. Only bookkeeping: no clock, no limits, and nothing is started here.
 */
export class LaneHints {
  /** Every hint that does not run, by id and generation. */
  readonly #waiting = new Set<string>();
  readonly #delayed = new DueHeap<{ readonly dueAt: number; readonly hint: Hint }>();
  readonly #ready = new Fifo<Hint>();
  /** By the id that runs: the hints of that id that have come up since. */
  readonly #running = new Map<string, Hint[]>();
  #promotedAt = -Infinity;

  get size(): number {
    return this.#waiting.size + this.#running.size;
  }

  get active(): number {
    return this.#running.size;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  get waiting(): number {
    return this.#waiting.size - this.#delayed.size;
  }

  /** When the next delayed hint is due. */
  get nextDueAt(): number | undefined {
    return this.#delayed.peek()?.dueAt;
  }

  isWaiting(hint: Hint): boolean {
    return this.#waiting.has(keyOf(hint));
  }

  /** Adds a hint that may start at `dueAt`, and is not waiting yet. */
  add(hint: Hint, dueAt: number, now: number): void {
    this.#waiting.add(keyOf(hint));
    if (dueAt > now) this.#delayed.push({ dueAt, hint });
    else this.#ready.push(hint);
  }

  /** Makes ready what is due; all, once the clock was set back: their times were of another one. */
  promote(now: number): void {
    const until = wasSetBack(this.#promotedAt, now) ? Infinity : now;
    this.#promotedAt = until === now ? Math.max(this.#promotedAt, now) : now;
    for (let next = this.#delayed.peek(); next !== undefined && next.dueAt <= until;) {
      this.#delayed.pop();
      this.#ready.push(next.hint);
      next = this.#delayed.peek();
    }
  }

  /** The hint to start next: the first that is ready and whose id does not run. */
  next(): Hint | undefined {
    for (let hint = this.#ready.peek(); hint !== undefined; hint = this.#ready.peek()) {
      const behind = this.#running.get(hint.id);
      if (behind === undefined) return hint;
      behind.push(hint);
      this.#ready.shift();
    }
    return undefined;
  }

  /** Notes that what `next` gave runs. From now on the same hint counts as a new one. */
  started(hint: Hint): void {
    this.#ready.shift();
    this.#waiting.delete(keyOf(hint));
    this.#running.set(hint.id, []);
  }

  ended(hint: Hint): void {
    const behind = this.#running.get(hint.id) ?? [];
    this.#running.delete(hint.id);
    for (const next of behind) this.#ready.push(next);
  }

  /** Forgets everything that does not run. */
  dropWaiting(): void {
    this.#waiting.clear();
    this.#delayed.clear();
    this.#ready.clear();
    for (const behind of this.#running.values()) behind.length = 0;
  }
}

function keyOf({ id, generation }: Hint): string {
  return `${generation} ${id}`;
}
