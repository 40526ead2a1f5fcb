const SLOT_MS = 10_000;
const SLOTS = 60;
const SLOW_SECONDS = 3;
const DROP_SECONDS = 10;

interface Slot {
  number: number;
  answers: number;
  slow: number;
  dropped: number;
}

/**
 * The answers of the last ten minutes, as Graph judges an endpoint by them: more than 10 % over 3 s
 * is "slow", more than 15 % over 10 s is "drop" (change-notifications-delivery-webhooks). Graph does
 * not tell which state it sees, so it is counted here.
 */
export class AckWindow {
  readonly #slots = new Map<number, Slot>();

  /** Counts an answer that took `seconds`. */
  add(seconds: number, now: number): void {
    const slot = this.#slotAt(now);
    slot.answers += 1;
    if (seconds > SLOW_SECONDS) slot.slow += 1;
    if (seconds > DROP_SECONDS) slot.dropped += 1;
  }

  /** The shares of slow and of dropped answers, 0 to 1; 0 when there was none. */
  ratios(now: number): { readonly slow: number; readonly drop: number } {
    const oldest = Math.floor(now / SLOT_MS) - SLOTS;
    let [answers, slow, dropped] = [0, 0, 0];
    for (const slot of this.#slots.values()) {
      if (slot.number <= oldest) continue;
      answers += slot.answers;
      slow += slot.slow;
      dropped += slot.dropped;
    }
    return answers === 0 ? { slow: 0, drop: 0 } : { slow: slow / answers, drop: dropped / answers };
  }

  #slotAt(now: number): Slot {
    const number = Math.floor(now / SLOT_MS);
    const index = number % SLOTS;
    const slot = this.#slots.get(index);
    if (slot?.number === number) return slot;
    const fresh = { number, answers: 0, slow: 0, dropped: 0 };
    this.#slots.set(index, fresh);
    return fresh;
  }
}
