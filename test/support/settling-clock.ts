import { setImmediate as nextTurn } from 'node:timers/promises';
import { TurnedClock } from './clock.ts';

const WITHIN_MS = 20_000;

/**
 * A turned clock that waits for what its turning has started. Other threads and sockets take real
 * time; whoever asks them sets a timer of a known length, and while one is set, work is under way.
 */
export class SettlingClock extends TurnedClock {
  readonly #timers = new Set<{ readonly at: number; readonly ms: number }>();
  readonly #workMs: ReadonlySet<number>;

  /** `workMs`: lengths of timers, such as `STORE_TIMEOUT_MS`, that nothing else is set to. */
  constructor(workMs: readonly number[]) {
    super();
    this.#workMs = new Set(workMs);
  }

  override after(ms: number, run: () => void): () => void {
    const timer = { at: this.now() + ms, ms };
    this.#timers.add(timer);
    const cancel = super.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    return () => {
      this.#timers.delete(timer);
      cancel();
    };
  }

  /**
   * Lets `ms` pass, from timer to timer; nothing is under way when the next one runs. With a
   * stride, timers that are nearer to each other run in one go.
   */
  async pass(ms: number, strideMs = 0): Promise<void> {
    const end = this.now() + ms;
    await this.settled();
    while (this.now() < end) {
      const next = Math.max(this.#nextAt(), this.now() + strideMs);
      await this.turn(Math.min(next, end) - this.now());
      await this.settled();
    }
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    const end = performance.now() + WITHIN_MS;
    for (let quiet = 0; quiet < 3; quiet = this.#isWorking() ? 0 : quiet + 1) {
      if (performance.now() > end) throw new Error(`still at work after ${WITHIN_MS} ms`);
      await nextTurn();
    }
  }

  #isWorking(): boolean {
    return [...this.#timers].some(({ ms }) => this.#workMs.has(ms));
  }

  #nextAt(): number {
    return Math.min(...[...this.#timers].map(({ at }) => at));
  }
}
