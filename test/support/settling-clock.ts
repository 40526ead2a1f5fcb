import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { TurnedClock } from './clock.ts';

// Less than a test may take, so that it is told what hangs.
const WITHIN_MS = 50_000;
// Then it sleeps: a loop without a pause takes the core from the threads it waits for.
const LOOKS_AT_ONCE = 500;

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
   * stride, the clock leaps at least so far, and what came due meanwhile runs late, as in a machine
   * that was asleep: no work that this starts can run out of time before it had any.
   */
  async pass(ms: number, strideMs = 0): Promise<void> {
    const end = this.now() + ms;
    await this.settled();
    while (this.now() < end) {
      const next = Math.max(this.#nextAt(), this.now() + strideMs);
      await this.leap(Math.min(next, end) - this.now());
      await this.settled();
    }
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    const end = performance.now() + WITHIN_MS;
    let looks = 0;
    for (let quiet = 0; quiet < 3; quiet = this.#work().length > 0 ? 0 : quiet + 1) {
      if (performance.now() > end) {
        const left = this.#work().map(({ at, ms }) => `${ms} ms, ${at - this.now()} left`);
        throw new Error(`still at work after ${WITHIN_MS} ms: ${left.join('; ')}`);
      }
      await ((looks += 1) % LOOKS_AT_ONCE === 0 ? sleep(1) : nextTurn());
    }
  }

  #work() {
    return [...this.#timers].filter(({ ms }) => this.#workMs.has(ms));
  }

  #nextAt(): number {
    return Math.min(...[...this.#timers].map(({ at }) => at));
  }
}
