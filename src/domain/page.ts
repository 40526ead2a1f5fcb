/** Which part of a list is asked for. `cursor` is what the page before gave; none is the start. */
export interface PageRequest {
  /** At least 1, at most 200. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One part of a list, and the cursor of the next part; `null` at the end. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}
