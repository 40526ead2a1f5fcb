/** What a shell can branch on; part of the interface, so the numbers never change meaning. */
export const EXIT = {
  ok: 0,
  /** Done, with a negative result, or failed. */
  failed: 1,
  /** What was typed, or a file that was given, cannot be used. */
  usage: 2,
  /** The service does not answer. */
  away: 3,
  /** The service does not accept the key. */
  refused: 4,
  /** There is no such thing. */
  missing: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that was foreseen. Its message is one line, says what to do, and holds no secret. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/** What was typed cannot be used. */
export function usageError(message: string, cause?: unknown): CliError {
  return new CliError(EXIT.usage, message, cause);
}
