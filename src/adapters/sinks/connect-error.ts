import type { Failure } from './sink-answer.ts';

/** No connection came about. */
export class ConnectError extends Error {
  readonly reason: Failure;

  constructor(reason: Failure, cause?: unknown) {
    super(`no connection: ${reason}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
