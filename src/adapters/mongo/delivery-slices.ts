const SLICE_ROWS = 500;

/**
 * Cuts what one call writes into slices, in order, each so small that a slow server too writes it
 * within the time limit of a `run`: a call may bring tens of thousands of rows. One that fails has
 * written the slices before; called again, it finds them there and comes further.
 */
export function* slicesOf<T>(rows: readonly T[]): Generator<readonly T[], void> {
  for (let start = 0; start < rows.length; start += SLICE_ROWS) {
    yield rows.slice(start, start + SLICE_ROWS);
  }
}
