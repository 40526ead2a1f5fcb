import type { Cancel, Clock } from '../../ports/clock.ts';

// A timer of Node's cannot be set further ahead than 25 days and then rings at once.
const LONGEST_TIMER_MS = 86_400_000;

/**
 * When a lane is to be looked at next: when a job is due, or, while the lane is shut, when it may
 * be asked again. One timer at most.
 */
export class LaneAlarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #dueAt = Infinity;
  #shutUntil: number | undefined;
  #timer: { readonly at: number; readonly cancel: Cancel } | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Whether the lane is not to be asked now. */
  get shut(): boolean {
    return this.#shutUntil !== undefined;
  }

  shutFor(ms: number): void {
    this.#shutUntil = this.#clock.now() + ms;
    this.#set();
  }

  open(): void {
    this.#shutUntil = undefined;
    this.#set();
  }

  /** Rings then, at the latest. */
  ringAt(dueAt: number): void {
    this.#dueAt = Math.min(this.#dueAt, dueAt);
    this.#set();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueAt = Infinity;
    this.#shutUntil = undefined;
  }

  #set(): void {
    const at = this.#shutUntil ?? this.#dueAt;
    if (this.#timer?.at === at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (at === Infinity && this.#shutUntil === undefined) return;
    const ms = Math.min(Math.max(1, at - this.#clock.now()), LONGEST_TIMER_MS);
    const cancel = this.#clock.after(ms, () => {
      this.stop();
      this.#ring();
    });
    this.#timer = { at, cancel };
  }
}
