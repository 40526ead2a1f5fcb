import { STATUS_CODES } from 'node:http';
import {
  type ErrorDetail,
  type ErrorKind,
  QuotaExceededError,
  type ServiceError,
  UnavailableError,
  ValidationError,
} from '../../domain/errors.ts';

const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  missing: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  slow: 408,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  misdirected: 421,
  locked: 423,
  limited: 429,
  unavailable: 503,
};

/** RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What a client is told of a failure. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly status: number;
  /** Whole seconds, at least 1. */
  readonly retryAfter?: number;
  readonly details?: readonly ErrorDetail[];
  readonly stack?: string;
}

/** Where and when it happened. */
export interface Occurrence {
  readonly requestId: string;
  readonly at: number;
}

/** A bug, or what we cannot know: its text may quote a query or a key, so it stays in the log. */
export const INTERNAL: Problem = {
  code: 'INTERNAL_ERROR',
  message: 'Internal server error',
  status: 500,
};

export function toProblem(error: ServiceError): Problem {
  const { code, message, kind } = error;
  return {
    code,
    message,
    status: STATUS[kind],
    ...(error instanceof ValidationError ? { details: error.details } : {}),
    ...(error instanceof UnavailableError || error instanceof QuotaExceededError
      ? { retryAfter: Math.max(1, Math.ceil(error.retryAfterMs / 1000)) }
      : {}),
  };
}

/** The service's one shape of errors. */
export function presentError(problem: Problem, { requestId, at }: Occurrence): object {
  const { code, message, status, ...rest } = problem;
  const timestamp = new Date(at).toISOString();
  return { error: { code, message, status, timestamp, requestId, ...rest } };
}

/** The same as RFC 9457 has it; what that has no member for are extension members (§3.2). */
export function presentProblem(problem: Problem, { requestId, at }: Occurrence): object {
  const { code, message, status, ...rest } = problem;
  return {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: message,
    // One that a proxy gave may be no UUID.
    ...(UUID.test(requestId) ? { instance: `urn:uuid:${requestId}` } : {}),
    code,
    timestamp: new Date(at).toISOString(),
    requestId,
    ...rest,
  };
}
