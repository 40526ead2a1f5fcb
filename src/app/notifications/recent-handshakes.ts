const MAX = 50;

/** An endpoint validation request that was answered. */
export interface Handshake {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Of the answer, in `X-Request-Id`. */
  readonly requestId: string;
  /** Where it came from, as far as trusted proxies tell. */
  readonly ipAddress: string;
  /** Whether the connection came from a trusted proxy. */
  readonly viaTrustedProxy: boolean;
}

/**
 * The last handshakes of this instance, in memory: whether Graph came by at all is the first question
 * when it refuses a subscription, and where it seemed to come from tells whether the proxy is trusted.
 */
export class RecentHandshakes {
  readonly #latest: Handshake[] = [];

  note(handshake: Handshake): void {
    if (this.#latest.unshift(handshake) > MAX) this.#latest.pop();
  }

  /** The latest first. */
  list(): readonly Handshake[] {
    return this.#latest;
  }
}
