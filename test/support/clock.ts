import type { Clock } from '../../src/ports/clock.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until it is turned. */
export class TurnedClock implements Clock {
  #now: number;
  #timers = new Set<Timer>();

  constructor(startAt = Date.UTC(2026, 10, 22)) {
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets `ms` pass: timers run in their order, each at its own time, with I/O in between. */
  async turn(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await macrotask();
    }
    this.#now = end;
    await macrotask();
  }

  /** Lets `ms` pass at once: timers that came due run after it, in their order. */
  async leap(ms: number): Promise<void> {
    this.#now += ms;
    await this.turn(0);
  }

  #nextUntil(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
