import { StoreUnavailableError } from '../../domain/errors.ts';

/** Refused because the breaker is open; `cause` is what opened it. */
export class OpenBreakerError extends StoreUnavailableError {
  override readonly retryAfterMs: number;

  constructor(breaker: string, retryAfterMs: number, cause: unknown) {
    super(breaker, cause);
    this.retryAfterMs = retryAfterMs;
  }
}
