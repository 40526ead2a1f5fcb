// Graph: an endpoint is slow or dropped by the share of its answers above these (page "Receive
// change notifications through webhooks", delivery states).
const SLOW_MS = 3000;
const DROP_MS = 10_000;

export interface AckFigures {
  /** Milliseconds from sending a POST to its 2xx, of all that had one; `null` when none had. */
  readonly ackMs: { readonly p50: number | null; readonly p99: number | null };
  /** Share of the tries that had an answer, whichever, after 3 s or within 10 s none; 0 to 1. */
  readonly over3s: number;
  readonly over10s: number;
}

/** How fast the service answered. Tries that met no service at all say nothing about that. */
export class AckTimes {
  /** How long a try waits for its answer. */
  static readonly limitMs = DROP_MS;
  readonly #acknowledgedMs: number[] = [];
  #tries = 0;
  #over3s = 0;
  #over10s = 0;

  answered(ms: number, { acknowledged }: { acknowledged: boolean }): void {
    this.#tries += 1;
    if (ms > SLOW_MS) this.#over3s += 1;
    if (ms > DROP_MS) this.#over10s += 1;
    if (acknowledged) this.#acknowledgedMs.push(ms);
  }

  /** It was waited for as long as the limit is. */
  unanswered(): void {
    this.answered(Number.POSITIVE_INFINITY, { acknowledged: false });
  }

  figures(): AckFigures {
    const sorted = this.#acknowledgedMs.toSorted((a, b) => a - b);
    const quantile = (share: number) => {
      const ms = sorted[Math.ceil(share * sorted.length) - 1];
      return ms === undefined ? null : Math.round(ms * 10) / 10;
    };
    const tries = Math.max(1, this.#tries);
    return {
      ackMs: { p50: quantile(0.5), p99: quantile(0.99) },
      over3s: this.#over3s / tries,
      over10s: this.#over10s / tries,
    };
  }
}
