import type { Policies } from '../domain/limits/policies.ts';
import type { RateStore } from '../ports/rate-store.ts';

/** What requests are counted in, and against. */
export interface Limits {
  readonly store: RateStore;
  readonly policies: Policies;
  /** How many instances share the maximum while each has to count for itself. */
  readonly instances: number;
}
