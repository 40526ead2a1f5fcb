/** Why a simulation could not be done; what it found is in its report instead. */
export type SimulationFailure =
  /** An option is out of its range. */
  | 'options'
  /** Nobody answers at the service's address. */
  | 'unreachable'
  /** The service does not know the operator's key. */
  | 'unauthorized'
  /** The token of the handshake did not come back as it should: Graph would not subscribe. */
  | 'handshake'
  /** The service answered, and would not do what the simulation needs. */
  | 'refused'
  /** The sink's listener could not be opened. */
  | 'listener';

/** A simulation that could not be done. Its message is for people and holds no secret. */
export class SimulationError extends Error {
  readonly failure: SimulationFailure;

  constructor(failure: SimulationFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SimulationError';
    this.failure = failure;
  }
}
