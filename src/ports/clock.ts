/** Stops a timer; calling it after the timer has run, or twice, does nothing. */
export type Cancel = () => void;

/** The only way to time in this service, so that tests can turn it. */
export interface Clock {
  /** Epoch milliseconds. May go back when the system's clock is set. */
  now(): number;

  /**
   * Calls `run` once, not before `ms` have passed; never keeps the process alive. What `run`
   * throws is a bug and ends the process.
   */
  after(ms: number, run: () => void): Cancel;
}
